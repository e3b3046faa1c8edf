"""Places an order with the client that openapi-python-client generates from openapi.yaml."""

import sys
import uuid

from client import AuthenticatedClient
from client.api.orders import get_order, place_order
from client.api.products import get_product
from client.models import Line, NewOrder, Order
from server import serve


def main(program):
    with serve(program) as (url, token, _):
        api = AuthenticatedClient(base_url=url, token=token)
        tea = get_product.sync("TEA-01", client=api)
        wanted = NewOrder(currency="KRW", lines=[Line(sku=tea.sku, quantity=2, unit_price=tea.unit_price)])
        key = str(uuid.uuid4())
        placed = place_order.sync_detailed(client=api, body=wanted, idempotency_key=key)
        assert placed.status_code == 201 and isinstance(placed.parsed, Order), placed
        again = place_order.sync_detailed(client=api, body=wanted, idempotency_key=key)
        assert again.content == placed.content and again.headers["idempotent-replayed"] == "true", again
        assert get_order.sync(placed.parsed.id, client=api) == placed.parsed
        left = get_product.sync("TEA-01", client=api).available
        assert left == tea.available - 2, left
        print(f"    a generated client placed {placed.parsed.id}, once")


if __name__ == "__main__":
    main(*sys.argv[1:])
