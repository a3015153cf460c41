"""A checklist of an e-bike shed, with an item of each kind."""

from msgspec.structs import replace

from inspections.rounds.actions.checklists import ChecklistDraft
from inspections.rounds.checklists import Choice, Condition, FaultReport, Item, ItemKind, PhotoRule, Section

CHARGES = Item("1.1", ItemKind.YES_NO, "棚内是否有充电设施？", photo=PhotoRule.NEVER, weight=0)
PROTECTED = Item(
    "1.2",
    ItemKind.YES_NO,
    "充电线路是否装有漏电保护？",
    optional=True,
    weight=3,
    shown_if=Condition("1.1", ("yes",)),
    basis="GB 51348-2019 13.5",
    fault=FaultReport("EB-02", "充电线路没有漏电保护"),
)
INDOORS = Item(
    "1.3",
    ItemKind.CHOICE,
    "车辆停放位置",
    choices=(Choice("shed", "车棚"), Choice("stairs", "楼梯间", fails=True)),
    weight=2,
    fault=FaultReport("EB-01", "楼梯间停放电动车"),
)
DISTANCE = Item(
    "2.1", ItemKind.NUMBER, "与建筑的距离", unit="m", least=0, most=100, good_from=6, photo=PhotoRule.NEVER, weight=1
)
METER = Item("2.2", ItemKind.READING, "电表读数", unit="kWh", least=0, photo=PhotoRule.ALWAYS, weight=0)
REMARK = Item("2.3", ItemKind.TEXT, "备注", optional=True, photo=PhotoRule.NEVER, weight=0)
SECTIONS = (Section("停放与充电", (CHARGES, PROTECTED, INDOORS)), Section("场地", (DISTANCE, METER, REMARK)))
DRAFT = ChecklistDraft("e-bike-shed", "电动自行车棚检查表", SECTIONS)


def change_item(item, **changes):
    """Returns the draft with this item changed."""
    sections = tuple(
        replace(each, items=tuple(replace(one, **changes) if one is item else one for one in each.items))
        for each in SECTIONS
    )
    return replace(DRAFT, sections=sections)
