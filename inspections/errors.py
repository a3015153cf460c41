"""All refusals of the domain, with stable codes and facts.

Refusal
├── Unauthenticated           auth.*               not signed in, or sign-in failed
├── NotFound                  *.not_found          does not exist, or is hidden from this person
├── Forbidden                 role.forbidden …     not allowed for this role
│   ├── ExpiredPassword       auth.password_old    the password has to be changed first
│   ├── MissingSecondFactor   auth.totp_missing    a second factor has to be enrolled first
│   ├── MissingConfirmation   auth.confirm_needed  password or code has to be entered again
│   └── CrossSiteRequest      auth.cross_site      another site sent the request with our cookie
├── Conflict                  *.*                  not possible in the current state
│   ├── IdConflict            id.conflict          the id was used for other content
│   ├── IdOwnerConflict       id.taken             the id was used by another person
│   ├── VersionConflict       hazard.stale …       the record was changed meanwhile
│   ├── WrongState            hazard.state         the hazard's state does not allow this step
│   ├── WrongChecklistState   checklist.state      the version of the checklist is no draft, or never was published
│   ├── WrongOffset           upload.offset        the bytes do not continue the stored ones
│   ├── LastAdministrator     person.last_admin    the last administrator cannot be removed
│   ├── ExistingSecondFactor  totp.enrolled        a second factor is already enrolled
│   ├── IdentityConflict      identity.taken       the identity is linked to another account
│   ├── ErasedPerson          person.erased        an erased account cannot be changed
│   ├── ClosedAdminRequest    admin_request.*      the request was rejected or has expired
│   ├── ReplayedRequest       alert.replayed       the signed request was already received
│   ├── UnfinishedExport      export.not_made      the ledger is not finished, or has failed
│   └── MissingPhotos         photo.missing        declared photos have not arrived
├── Gone                      *.*                  existed, but no longer does
│   ├── SyncRestart           sync.restart         the cursor is invalid; synchronise from scratch
│   ├── PurgedPhoto           photo.gone           the photo is past its retention period
│   └── InactiveLink          link.*               the link was used, revoked, ended or expired
├── InvalidInput              step.needs …         fields are missing or invalid
├── DigestMismatch            photo.digest         the bytes differ from the declared digest
├── DamagedPhoto              photo.damaged        the picture is truncated or broken
├── UnsupportedFormat         photo.format         the file format is not accepted
├── PayloadTooLarge           photo.too_large      the content is too large
├── TooManyRequests           *.too_many           a limit is reached; retry later
└── Unavailable               store.unavailable    the store cannot write now; nothing was written
"""

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, NamedTuple


class FieldError(NamedTuple):
    """An error of one field: its path in the body, and a Chinese message for the person."""

    field: str
    message: str


class InvalidFields(ValueError):
    """Errors of several fields, raised by the own check of a Struct (`__post_init__`): pairs of field and message."""

    def __init__(self, *errors: tuple[str, str]) -> None:
        super().__init__("：".join(errors[0]))
        self.errors = [FieldError(*error) for error in errors]


class Refusal(Exception):
    """The base of all refusals. `code` is stable, `title` is for people, `facts` are details for clients."""

    code: str = "refused"
    title: str = "无法处理"

    def __init__(self, detail: str = "", **facts: Any) -> None:
        super().__init__(detail or self.title)
        self.detail = detail
        self.facts = facts


class Unauthenticated(Refusal):
    code = "auth.required"
    title = "请先登录"


class InvalidCredentials(Unauthenticated):
    code = "auth.failed"
    title = "用户名或密码不正确"


class UnlinkedIdentity(Unauthenticated):
    code = "auth.not_linked"
    title = "尚未绑定账号，请先用用户名和密码登录并绑定"


class InvalidSignature(Unauthenticated):
    """The signature of a device request is wrong. Unknown devices get the same error, so that it reveals nothing."""

    code = "alert.signature"
    title = "设备签名不正确"


class ClockSkew(Unauthenticated):
    code = "alert.timestamp"
    title = "设备时间与服务器相差过大"


class MissingTotpCode(Unauthenticated):
    code = "auth.totp_required"
    title = "请输入动态验证码"


class NotFound(Refusal):
    """Something does not exist. `what` is its noun: hazard, community, photo, person, category, delegation."""

    title = "未找到"

    def __init__(self, what: str, field: str | None = None) -> None:
        super().__init__()
        if field:
            self.facts["errors"] = [FieldError(field, "未找到")]
        self.code = f"{what}.not_found"


class Forbidden(Refusal):
    code = "role.forbidden"
    title = "您的角色无权进行此操作"


class ExpiredPassword(Forbidden):
    code = "auth.password_old"
    title = "密码已到期或由管理员设置，请先修改密码"


class MissingSecondFactor(Forbidden):
    code = "auth.totp_missing"
    title = "请先启用动态验证码"


class MissingConfirmation(Forbidden):
    """The action needs a fresh password or code, so that a stolen token cannot gain permanent access."""

    code = "auth.confirm_needed"
    title = "请再次输入密码或动态验证码，确认是您本人操作"


class CrossSiteRequest(Forbidden):
    code = "auth.cross_site"
    title = "请求来自其他网站，已拒绝"


class SelfRecheck(Forbidden):
    code = "recheck.own_fix"
    title = "整改人不能复查自己的整改"


class OwnWork(Forbidden):
    """A handler may not judge the own work on a hazard, whatever other roles the account has."""

    code = "duty.own_work"
    title = "整改人不能对自己负责整改的隐患作此处理，请由他人办理"


class OwnRequest(Forbidden):
    """Powers that another person lends do not grant what their borrower has asked for."""

    code = "duty.own_request"
    title = "代行他人职权时，不能批准自己提出的申请"


class Conflict(Refusal):
    code = "conflict"
    title = "与现有数据冲突"


class IdConflict(Conflict):
    code = "id.conflict"
    title = "该编号已用于内容不同的提交"

    def __init__(self, fields: Sequence[str]) -> None:
        super().__init__(f"内容不同的字段：{'、'.join(fields)}" if fields else "", fields=list(fields))


class IdOwnerConflict(Conflict):
    code = "id.taken"
    title = "该编号已被占用"


class VersionConflict(Conflict):
    code = "hazard.stale"
    title = "隐患已被他人更新，请刷新后重试"

    def __init__(self, sent: int, current: int) -> None:
        super().__init__(sent=sent, current=current)


class PersonVersionConflict(VersionConflict):
    code = "person.stale"
    title = "账号已被他人更新，请刷新后重试"


class LastAdministrator(Conflict):
    code = "person.last_admin"
    title = "不能移除最后一名在用的管理员"


class ErasedPerson(Conflict):
    code = "person.erased"
    title = "该账号的姓名已删除，不能再修改"


class ClosedAdminRequest(Conflict):
    """A request to change an administrator's account is not open any more. `state`: confirmed, rejected or expired."""

    titles: ClassVar[dict[str, str]] = {
        "confirmed": "该申请已由他人确认",
        "rejected": "该申请已被驳回或撤回",
        "expired": "该申请已过期，请重新提交",
    }

    def __init__(self, state: str) -> None:
        self.code, self.title = f"admin_request.{state}", self.titles[state]
        super().__init__()


class ExistingSecondFactor(Conflict):
    code = "totp.enrolled"
    title = "动态验证码已启用"


class IdentityConflict(Conflict):
    code = "identity.taken"
    title = "该外部账号已绑定其他用户"


class RulesVersionConflict(VersionConflict):
    code = "rules.stale"
    title = "规则已被他人修改，请刷新后重试"


class ChecklistVersionConflict(VersionConflict):
    code = "checklist.stale"
    title = "检查表草稿已被他人修改，请刷新后重试"


class WrongState(Conflict):
    code = "hazard.state"
    title = "当前状态不能进行此操作"

    def __init__(self, state: str, step: str, possible: Sequence[str]) -> None:
        super().__init__(state=state, step=step, possible=list(possible))


class WrongChecklistState(Conflict):
    code = "checklist.state"
    title = "该版本的检查表不能进行此操作"

    def __init__(self, state: str) -> None:
        super().__init__(state=state)


class WrongOffset(Conflict):
    code = "upload.offset"
    title = "续传位置与已保存的内容不符"

    def __init__(self, sent: int, current: int) -> None:
        super().__init__(sent=sent, current=current)


class ReplayedRequest(Conflict):
    code = "alert.replayed"
    title = "该请求已经收到过"


class UnfinishedExport(Conflict):
    code = "export.not_made"
    title = "台账尚未制作完成"


class MissingPhotos(Conflict):
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


class PurgedPhoto(Gone):
    code = "photo.gone"
    title = "照片已超过保存期限，按规定删除"


class InactiveLink(Gone):
    """A fix link is no longer valid. `why`: used, revoked, ended or expired; no fact of the hazard is revealed."""

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


class InactiveDecisionLink(InactiveLink):
    """A decision link is no longer valid. `why`: used, revoked, ended or expired; no fact of the hazard is revealed."""

    titles: ClassVar[dict[str, str]] = {
        "used": "您已通过本链接完成审批",
        "revoked": "本链接已作废",
        "ended": "该事项已有变化，不能再通过本链接审批",
        "expired": "本链接已过期",
    }


class InvalidInput(Refusal):
    """Invalid input, such as `InvalidInput(("photos", "请附整改后照片"))`: pairs of field and message."""

    code = "step.needs"
    title = "提交内容不符合要求"

    def __init__(self, *errors: tuple[str, str]) -> None:
        words = join_messages((message for _, message in errors), "；")
        super().__init__(words, errors=[FieldError(*error) for error in errors])


def join_messages(messages: Iterable[str], separator: str) -> str:
    """The messages one after the other, each once."""
    return separator.join(dict.fromkeys(messages))


class FileTooComplex(InvalidInput):
    """Reading or creating the file exceeds the limits of time or memory."""

    words = "文件过大或过于复杂，超出处理限度，请拆分或缩小范围后重试"

    def __init__(self) -> None:
        super().__init__(("file", self.words))


class DigestMismatch(Refusal):
    code = "photo.digest"
    title = "照片摘要与内容不符，请重新上传"

    def __init__(self, promised: str, received: str) -> None:
        super().__init__(promised=promised, received=received)


class DamagedPhoto(Refusal):
    code = "photo.damaged"
    title = "照片不完整或已损坏，请重新上传"


class UnsupportedFormat(Refusal):
    code = "photo.format"
    title = "不支持的照片格式"


class PayloadTooLarge(Refusal):
    code = "photo.too_large"
    title = "照片过大"


class TooManyRequests(Refusal):
    code = "requests.too_many"
    title = "请求过于频繁，请稍后重试"


class TooManySignInAttempts(TooManyRequests):
    code = "auth.too_many"
    title = "登录失败次数过多，请稍后再试"


class Unavailable(Refusal):
    code = "store.unavailable"
    title = "系统暂时无法保存，请稍后重试"
