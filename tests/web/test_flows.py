"""The list of flows: how far each of them is, over all jobs below it."""

import redis

from tests.queries.jobs import Filler
from tests.web.site import Site, soup, text_of


def test_the_list_shows_how_far_each_flow_is_and_says_what_is_counted(site: Site, redis_client: redis.Redis) -> None:
    mail = Filler(redis_client).open()
    mail.parent("root", name="publish")
    redis_client.hset(mail.key("root:processed"), mapping={f"bull:mail:done-{n}": "1" for n in range(1_500)})
    redis_client.sadd(mail.key("root:dependencies"), *(f"bull:mail:open-{n}" for n in range(501)))
    mail.parent("small", name="resize")
    redis_client.sadd(mail.key("small:dependencies"), "bull:mail:one")

    page = soup(site.signed_in("viewer").get("/flows"))

    told = {text_of(row.select_one("b")): text_of(row.select_one(".cell .number")) for row in page.select("tbody tr")}
    assert told == {"publish": "1,500 of 2,001+", "resize": "0 of 1"}
    assert "a plus says that there may be more" in text_of(page.select_one(".foot"))
