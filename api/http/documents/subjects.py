"""The subjects of the operations, which are their tags: the folder of api/ that a handler lies in."""

from litestar.handlers import HTTPRouteHandler

SUBJECTS = {
    "accounts": "Sign-in, second factors, people and roles, their devices, API keys, delegations (代办), security log.",
    "places": "Communities (社区) and their import.",
    "office": "Categories (类别), rules and working calendar of the office.",
    "photos": "Photos by digest, as a form, in pieces (tus 1.0), and their signed addresses.",
    "hazards": "Hazards (隐患): list, single hazard, history.",
    "notices": "Inbox, templates of notices, deliveries to other channels.",
    "remediation": "The report (上报) and every step of a hazard (受理, 派单, 整改, 复查 …), and rules of dispatch.",
    "rounds": "Checklists (检查表) in versions, as files too.",
    "sync": "What has changed since a cursor, and changes as they happen.",
    "statistics": "Numbers with their definitions (口径), comparisons, trends and briefings.",
    "fix_links": "Links with which a responsible party without an account sees its notice and submits the fix.",
    "monitoring": "Monitoring devices and their alerts (预警), outages (失联) and faults.",
    "ledger": "The ledger (台账) as a file, its columns, and the import of an old one.",
    "privacy": "Copies of personal data, and erasure.",
    "process": "Whether the server lives and is ready.",
}


def find_subject(handler: HTTPRouteHandler) -> str:
    """The folder below api/ of the function that answers."""
    return handler.fn.__module__.split(".")[1]
