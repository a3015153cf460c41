"""The key behind signed addresses is made once, by whichever process needs it first."""

from inspections.links import Secret
from inspections.register import Change, Register


def keep_secret(register: Register, fresh: Secret) -> Change[Secret]:
    """The secret of this name; `fresh` becomes it where there is none yet."""
    kept = register.secret(fresh.name)
    return Change(kept) if kept else Change(fresh, (fresh,))
