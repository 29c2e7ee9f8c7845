import logging

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from shop.tasks import pack

logger = logging.getLogger(__name__)


@csrf_exempt
@require_POST
def place_order(request: HttpRequest, order_id: int) -> HttpResponse:
    logger.info("Order %s was placed", order_id)
    pack.delay(order_id)
    return HttpResponse(status=202)
