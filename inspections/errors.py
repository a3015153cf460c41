"""Every "no" of the domain, with a stable code and its facts.

Refusal
├── Unauthenticated      auth.*              who are you?
├── Missing              *.not_found         not there, or not yours: the two look the same
├── Forbidden            role.forbidden …    you may not
│   ├── PasswordOld      auth.password_old   to be changed before anything else
│   ├── FactorMissing    auth.totp_missing   a second factor before anything else
│   ├── ConfirmNeeded    auth.confirm_needed a token alone is not enough for this
│   └── CrossSite        auth.cross_site     another site asks with our cookie
├── Conflict             *.*                 not now
│   ├── IdConflict       id.conflict         this id says something else already
│   ├── IdTaken          id.taken            this id is somebody else's
│   ├── Stale            hazard.stale …      somebody was faster
│   ├── WrongState       hazard.state        not a step of this state
│   ├── WrongOffset      upload.offset       bytes that do not follow what is kept
│   ├── LastAdministrator person.last_admin  nobody would be left to manage accounts
│   ├── Enrolled         totp.enrolled       a second factor is there already
│   ├── IdentityTaken    identity.taken      linked to another account already
│   ├── Erased           person.erased       an account without a name is not used again
│   ├── Replayed         alert.replayed      a signed request that was taken already
│   ├── NotMade          export.not_made     a ledger that is not there yet, or has failed
│   └── PhotosMissing    photo.missing       declared photos have not arrived
├── Gone                 *.*                 it was there, and is no more
│   ├── SyncRestart      sync.restart        a place that cannot be followed any further
│   ├── PhotoGone        photo.gone          older than the office keeps photos
│   └── LinkOver         link.*              used, revoked, ended or expired
├── Invalid              step.needs …        what is asked for does not hold, field by field
├── DigestMismatch       photo.digest        the bytes are not the ones that were promised
├── Damaged              photo.damaged       the picture is cut or broken
├── Unsupported          photo.format        not a kind of file we take
├── TooLarge             photo.too_large     more than we take
├── TooMany              *.too_many          more at once than we serve; later
└── Unavailable          store.unavailable   the store cannot keep it now; nothing was kept
"""

from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple


class FieldError(NamedTuple):
    """What is wrong with one field: its path in the body, and Chinese words for the person."""

    field: str
    message: str


class Refusal(Exception):
    """A decision not to do what was asked. `code` is stable, `title` is for people, `facts` say which and why."""

    code: str = "refused"
    title: str = "无法处理"

    def __init__(self, detail: str = "", **facts: Any) -> None:
        super().__init__(detail or self.title)
        self.detail = detail
        self.facts = facts


class Unauthenticated(Refusal):
    code = "auth.required"
    title = "请先登录"


class SignInFailed(Unauthenticated):
    code = "auth.failed"
    title = "用户名或密码不正确"


class NotLinked(Unauthenticated):
    code = "auth.not_linked"
    title = "尚未绑定账号，请先用用户名和密码登录并绑定"


class SignatureWrong(Unauthenticated):
    """Also for a device that is not known: who is not let in learns nothing."""

    code = "alert.signature"
    title = "设备签名不正确"


class ClockWrong(Unauthenticated):
    code = "alert.timestamp"
    title = "设备时间与服务器相差过大"


class SecondFactorNeeded(Unauthenticated):
    code = "auth.totp_required"
    title = "请输入动态验证码"


class Missing(Refusal):
    """`what` is the noun: hazard, community, photo, person, category, delegation."""

    title = "未找到"

    def __init__(self, what: str, field: str | None = None) -> None:
        super().__init__()
        if field:
            self.facts["errors"] = [FieldError(field, "未找到")]
        self.code = f"{what}.not_found"


class Forbidden(Refusal):
    code = "role.forbidden"
    title = "您的角色无权进行此操作"


class PasswordOld(Forbidden):
    code = "auth.password_old"
    title = "密码已到期或由管理员设置，请先修改密码"


class FactorMissing(Forbidden):
    code = "auth.totp_missing"
    title = "请先启用动态验证码"


class ConfirmNeeded(Forbidden):
    """Whoever holds a token for some minutes is not to stay for good."""

    code = "auth.confirm_needed"
    title = "请再次输入密码或动态验证码，确认是您本人操作"


class CrossSite(Forbidden):
    code = "auth.cross_site"
    title = "请求来自其他网站，已拒绝"


class OwnFix(Forbidden):
    code = "recheck.own_fix"
    title = "整改人不能复查自己的整改"


class Conflict(Refusal):
    code = "conflict"
    title = "与现有数据冲突"


class IdConflict(Conflict):
    code = "id.conflict"
    title = "该编号已用于内容不同的提交"

    def __init__(self, fields: Sequence[str]) -> None:
        super().__init__(f"内容不同的字段：{'、'.join(fields)}" if fields else "", fields=list(fields))


class IdTaken(Conflict):
    code = "id.taken"
    title = "该编号已被占用"


class Stale(Conflict):
    code = "hazard.stale"
    title = "隐患已被他人更新，请刷新后重试"

    def __init__(self, sent: int, current: int) -> None:
        super().__init__(sent=sent, current=current)


class PersonStale(Stale):
    code = "person.stale"
    title = "账号已被他人更新，请刷新后重试"


class LastAdministrator(Conflict):
    code = "person.last_admin"
    title = "不能移除最后一名在用的管理员"


class Erased(Conflict):
    code = "person.erased"
    title = "该账号的姓名已删除，不能再修改"


class Enrolled(Conflict):
    code = "totp.enrolled"
    title = "动态验证码已启用"


class IdentityTaken(Conflict):
    code = "identity.taken"
    title = "该外部账号已绑定其他用户"


class RulesStale(Stale):
    code = "rules.stale"
    title = "规则已被他人修改，请刷新后重试"


class WrongState(Conflict):
    code = "hazard.state"
    title = "当前状态不能进行此操作"

    def __init__(self, state: str, step: str, possible: Sequence[str]) -> None:
        super().__init__(state=state, step=step, possible=list(possible))


class WrongOffset(Conflict):
    code = "upload.offset"
    title = "续传位置与已保存的内容不符"

    def __init__(self, sent: int, current: int) -> None:
        super().__init__(sent=sent, current=current)


class Replayed(Conflict):
    code = "alert.replayed"
    title = "该请求已经收到过"


class NotMade(Conflict):
    code = "export.not_made"
    title = "台账尚未制作完成"


class PhotosMissing(Conflict):
    code = "photo.missing"
    title = "尚有照片未上传完成"

    def __init__(self, missing: Sequence[str]) -> None:
        super().__init__(missing_photos=list(missing))


class Gone(Refusal):
    code = "gone"
    title = "已失效"


class SyncRestart(Gone):
    code = "sync.restart"
    title = "数据范围或数据库已变化，请重新同步"


class PhotoGone(Gone):
    code = "photo.gone"
    title = "照片已超过保存期限，按规定删除"


class LinkOver(Gone):
    """`why`: used, revoked, ended or expired. Says nothing of the hazard."""

    titles: ClassVar[dict[str, str]] = {
        "used": "整改情况已经提交，本链接不能再次使用",
        "revoked": "本链接已作废",
        "ended": "该事项已经办结，无需再提交",
        "expired": "本链接已过期",
    }

    def __init__(self, why: str) -> None:
        self.title = self.titles[why]
        super().__init__()
        self.code = f"link.{why}"


class Invalid(Refusal):
    """`Invalid(("photos", "请附整改后照片"))`: each pair names a field and says what it needs."""

    code = "step.needs"
    title = "提交内容不符合要求"

    def __init__(self, *errors: tuple[str, str]) -> None:
        super().__init__("；".join(message for _, message in errors), errors=[FieldError(*error) for error in errors])


class TooCostly(Invalid):
    """A file that takes more time or memory than one may, to read or to make."""

    words = "文件过大或过于复杂，超出处理限度，请拆分或缩小范围后重试"

    def __init__(self) -> None:
        super().__init__(("file", self.words))


class DigestMismatch(Refusal):
    code = "photo.digest"
    title = "照片摘要与内容不符，请重新上传"

    def __init__(self, promised: str, received: str) -> None:
        super().__init__(promised=promised, received=received)


class Damaged(Refusal):
    code = "photo.damaged"
    title = "照片不完整或已损坏，请重新上传"


class Unsupported(Refusal):
    code = "photo.format"
    title = "不支持的照片格式"


class TooLarge(Refusal):
    code = "photo.too_large"
    title = "照片过大"


class TooMany(Refusal):
    code = "requests.too_many"
    title = "请求过于频繁，请稍后重试"


class TooManyTries(TooMany):
    code = "auth.too_many"
    title = "登录失败次数过多，请稍后再试"


class Unavailable(Refusal):
    code = "store.unavailable"
    title = "系统暂时无法保存，请稍后重试"


def differing(one: object, other: object, fields: Sequence[str]) -> list[str]:
    """Names of `fields` in which two parsed bodies differ (api.md, "Same again": compared as parsed)."""
    return [field for field in fields if getattr(one, field) != getattr(other, field)]
