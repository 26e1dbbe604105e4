"""The same work with scripts switched off."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser


def test_reveal_and_decide_work_without_a_script(hub, new_page, sign_in, screenshot) -> None:
    hub.post("They say antiword \u202eall day.", "Another with farword.")
    page = new_page(java_script_enabled=False)
    sign_in(page)
    page.get_by_role("button", name="Take the next case").click()
    assert "antiword" not in page.content()
    page.get_by_label("Why did you decide this?").fill("Typed before the post was shown.")
    page.get_by_role("radio", name="S2").check()

    page.get_by_role("button", name="Show the post").click()
    expect(page.get_by_role("group", name="Text of the post")).to_have_text(
        "They say antiword ⟦U+202E⟧all day."
    )
    expect(page.get_by_role("radio", name="S2")).to_be_checked()
    screenshot(page, "no-script")

    page.get_by_role("button", name="Record the decision").click()
    expect(page.get_by_role("alert", name="There is a problem")).to_contain_text("Choose an outcome")
    expect(page.get_by_role("group", name="Text of the post")).to_be_visible()
    expect(page.get_by_label("Why did you decide this?")).to_have_value("Typed before the post was shown.")

    page.get_by_role("radio", name="Notify the platform").check()
    page.get_by_role("button", name="Record the decision").click()
    expect(page.get_by_role("alert", name="There is a problem")).to_contain_text(
        "Choose why: notify the platform"
    )
    page.get_by_label("Why: notify the platform").select_option("terms_of_service")
    page.get_by_role("button", name="Record the decision").click()
    expect(page.get_by_role("alert", name="There is a problem")).to_contain_text("proportionate")
    page.get_by_label("Why is this proportionate").fill("It is aimed at a group; nothing is debated.")
    page.get_by_role("button", name="Record the decision").click()

    expect(page.get_by_role("status")).to_contain_text("Decision recorded")
    expect(page.locator(".cover")).to_contain_text("far-right")
    [decision] = hub.rows("SELECT * FROM decisions")
    assert (decision["outcome"], decision["outcome_detail"]) == ("platform_notice", "terms_of_service")
    assert decision["severity"] == 2
    revealed = hub.rows("SELECT * FROM audit_events WHERE event = 'console:post:revealed'")
    assert len(revealed) == 1


def test_a_post_is_not_shown_to_a_form_that_only_claims_it_was(hub, new_page, sign_in) -> None:
    [post_id] = hub.post("They say antiword all day.")
    page = new_page(java_script_enabled=False)
    sign_in(page)
    page.get_by_role("button", name="Take the next case").click()
    token = page.locator("#decide input[name=csrf_token]").get_attribute("value")
    lease = page.locator("#decide input[name=lease]").get_attribute("value")
    answer = page.request.post(
        f"{page.url}/decide",
        form={"csrf_token": token or "", "lease": lease or "", "revealed": post_id},
        headers={"Accept": "text/html"},
    )
    assert answer.status == 422
    assert "antiword" not in answer.text()
    assert "Choose an outcome" in answer.text()
