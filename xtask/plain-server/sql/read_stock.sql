SELECT on_hand, reserved FROM stock WHERE sku = $1
