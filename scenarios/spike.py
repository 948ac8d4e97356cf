"""A shop whose traffic doubles for a few seconds: what cold starts and throttles make of it."""

from locust import task

from loadgen.shapes import spike
from loadgen.users.api import ApiUser
from loadgen.users.popularity import Zipf

PRODUCTS = Zipf(keys=200)


class Shopper(ApiUser):
    shape = spike(base_rps=140, peak_rps=280, before_s=5, after_s=5)

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
