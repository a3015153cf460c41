"""Names a shop as a responsible party."""

SHOP = {"kind": "merchant", "name": "小王早餐店", "phone": "13800000000"}
