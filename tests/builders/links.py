"""A link of a shop."""

from inspections.hazards.records import Party

SHOP = Party("merchant", "小王早餐店", "13800000000")
TOKEN = "d" * 64  # the digest of one
