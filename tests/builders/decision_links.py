"""Opens and sends the page of a decision link, as the supervisor who got it in a notice."""

import re
from uuid import UUID

from api.http.tokens import hash_token
from inspections.accounts.decision_links import LIFETIME, DecisionLink
from inspections.change import Change


def store_link(api, username, hazard, step, token):
    """Stores a link as the notifier does; returns its path. `hazard`: as the API shows it."""
    now, call = api.clock.now, api.client.blocking_portal.call
    database = api.client.app.state.context.database
    found = call(database.read, lambda repository: repository.hazard(UUID(hazard["id"])))
    link = DecisionLink(hash_token(token), username, found.id, step, found.version, now, now + LIFETIME)
    call(database.transact, lambda _: Change(None, (link,)))
    return f"/d/{token}"


class Decider:
    """A supervisor at a phone, without a session, who has opened a decision link."""

    def __init__(self, api, path):
        self.api, self.path = api, path

    def open(self, status=200):
        answer = self.api.call(None, "GET", self.path, root=True)
        assert answer.status_code == status, answer.text
        return answer.text

    def send(self, answer, **facts):
        """Sends the form as the page has it, with one of its buttons."""
        return self.post(**{**self.hidden_fields(), "answer": answer, **facts})

    def hidden_fields(self):
        return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', self.open()))

    def post(self, **fields):
        parts = {name: (None, value) for name, value in fields.items()}
        return self.api.call(None, "POST", self.path, root=True, files=parts)
