"""A shop that is responsible."""

SHOP = {"kind": "merchant", "name": "小王早餐店", "phone": "13800000000"}
