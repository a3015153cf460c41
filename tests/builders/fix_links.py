"""Names the party and the token of a shop's fix link."""

from inspections.hazards.records import Party

SHOP = Party("merchant", "小王早餐店", "13800000000")
TOKEN = "d" * 64  # the digest of a token
