from django.urls import path

from shop.views import place_order

urlpatterns = [path("orders/<int:order_id>", place_order)]
