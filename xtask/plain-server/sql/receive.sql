UPDATE stock SET on_hand = on_hand + $2 WHERE sku = $1
