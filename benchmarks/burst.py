"""The shop under a burst of six times its traffic: many cold starts in few seconds. For `local_cloud.py`."""

from locust import task

from loadgen.shapes import spike
from loadgen.users.api import ApiUser
from loadgen.users.popularity import Zipf

PRODUCTS = Zipf(keys=200)


class Shopper(ApiUser):
    shape = spike(base_rps=100, peak_rps=600, before_s=3, rise_s=0.5, hold_s=4, fall_s=0.5, after_s=3)

    @task(4)
    def list_products(self):
        self.get("/products")

    @task(4)
    def show_product(self):
        self.get("/products/{id}", id=f"p{PRODUCTS.draw(self.random)}")

    @task(1)
    def order(self):
        self.post("/orders", json={"product": f"p{PRODUCTS.draw(self.random)}", "quantity": self.random.randint(1, 5)})

    @task(1)
    def report(self):
        self.get("/reports")
