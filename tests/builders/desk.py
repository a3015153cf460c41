"""Administrators and supervisors at a desk: the admin pages in a real Chromium, driven by Playwright."""

from tests.builders.phone import Phone
from tests.builders.process import PASSWORD


class Desk(Phone):
    """One person's admin pages. `errors`: what the page threw or the content security policy stopped."""

    def open(self, path=""):
        self.page.goto(f"{self.address}/admin{path}")
        self.page.wait_for_selector("#username")
        return self

    def sign_in(self, username, password=PASSWORD, code=None):
        self.page.fill("#username", username)
        self.page.fill("#password", password)
        self.page.click("form button.main")
        if code:
            self.page.fill("#code", code)
            self.page.click("form button.main")
        self.page.wait_for_selector("#username", state="detached")
        return self

    def go(self, path):
        super().go(path)
        self.page.wait_for_load_state("networkidle")
        return self

    def choose(self, page):
        """Follows the menu to a page by its title."""
        self.page.click(f"nav a:text-is('{page}')")
        self.page.wait_for_selector(f"h1:text-is('{page}')")
        return self

    def act(self, row, label):
        """Presses a button of a row, also one under 更多. `row`: the id of the row, or words in it."""
        found = self.page.locator(f"tr[data-row='{row}']").or_(self.page.locator("tbody tr", has_text=row)).first
        found.wait_for()
        button = found.get_by_role("button", name=label, exact=True)
        if not button.is_visible():
            found.locator("summary").click()
        button.click()
        self.page.wait_for_selector("dialog[open]")
        return self

    def start(self, label):
        self.page.get_by_role("button", name=label, exact=True).click()
        self.page.wait_for_selector("dialog[open]")
        return self

    def fill(self, **fields):
        """Fills fields of a form by their path, with `__` for a dot."""
        for path, value in fields.items():
            self._fill_field(f"#field-{path.replace('__', '-')}", value)
        return self

    def _fill_field(self, place, value):
        field = self.page.locator(place)
        if field.evaluate("each => each.tagName") == "SELECT":
            self.page.wait_for_selector(f"{place} option[value='{value}']", state="attached")
            field.select_option(value)
        elif isinstance(value, bool):
            field.set_checked(value)
        else:
            field.fill(value)

    def grant(self, number, role, *areas):
        """Adds a role within communities to the form, as its row `number`."""
        self.page.click("text=添加角色")
        self.page.select_option(f"[aria-label='第 {number} 项角色']", role)
        for area in areas:
            self.page.select_option(f"[aria-label='第 {number} 项添加社区']", area or "all")
        return self

    def confirm(self, retyped=None):
        """Presses the last button of the dialog, which closes it."""
        if retyped:
            self.page.fill("#retyped", retyped)
        self.page.click("dialog footer button:last-child")
        self.page.wait_for_selector("dialog form", state="detached")
        return self

    def refuse(self):
        """Presses the last button of the dialog, which stays open. Returns what is said beside the fields."""
        self.page.click("dialog footer button:last-child")
        self.page.wait_for_selector("dialog .wrong, dialog .note.late")
        return self.page.locator("dialog .wrong").all_inner_texts()

    def take_secret(self):
        """Reads what is shown once, and closes it."""
        self.page.wait_for_selector(".secrets code")
        found = self.page.locator(".secrets code").all_inner_texts()
        self.page.check("#secret-kept")
        self.page.click("dialog footer .main")
        self.page.wait_for_selector("dialog", state="detached")
        return found

    def wait_for_text(self, words):
        self.page.wait_for_selector(f"text={words}")
        return self
