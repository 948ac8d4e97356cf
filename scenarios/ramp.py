"""A shop whose traffic grows in a straight line: where the first limit is met."""

from locust import task

from loadgen.shapes import Ramp
from loadgen.users.api import ApiUser
from loadgen.users.popularity import Zipf

PRODUCTS = Zipf(keys=200)


class Shopper(ApiUser):
    shape = Ramp(start_rps=10, end_rps=200, duration_s=30)

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
