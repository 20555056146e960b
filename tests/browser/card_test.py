"""The robustness card of a small run, with a published figure beside it."""
import json

from browser import BrowserTest, kelvin, unittest

RUN = "r<script>document.title='run'"  # a name as hostile as a folder's can be
TRAIN = "train --data synthetic:train=256,test=150,size=6,classes=4 --model mlp --epochs 1 --batch-size 32 --lr 0.02 --quiet --out".split()
AUDIT = "--steps 2 --queries 5 --random-points 5 --limit 150 --eps 0.02 --reference 53.42 --card card.html --quiet".split()


class Card(BrowserTest):
    @classmethod
    def make_pages(cls, folder):
        kelvin(*TRAIN, RUN, folder=folder)
        kelvin("audit", RUN, *AUDIT, folder=folder)
        cls.page, cls.card = folder / "card.html", json.loads((folder / "card.json").read_text())

    def test_nothing_fails_leaves_the_page_or_has_no_name(self):
        page = self.open(self.page)
        page.check()
        self.assertEqual(page.evaluate("document.title"), "Robustness card: mlp")
        self.assertIn(RUN, page.text("#subject"))

    def test_it_says_what_the_json_says(self):
        page = self.open(self.page)
        shown = page.text("main")
        for text in (self.card["audit"]["verdict"], self.card["model"]["weights"][0]["sha256"], self.card["threat_model"]["ball"],
                     *(row["text"] for row in self.card["reference"]["rows"]), *(check["name"] for check in self.card["audit"]["checks"])):
            self.assertIn(" ".join(text.split()), " ".join(shown.split()))
        worst = self.card["accuracy"]["worst_case"]
        for key in ("accuracy", "low", "high"):
            self.assertIn(f"{100 * worst[key]:.1f}", page.text("#accuracies"))
        self.assertEqual(page.evaluate("document.querySelectorAll('#attacks tbody tr').length"), len(self.card["attacks"]))

    def test_images_are_filtered_by_keys_and_leafed_through(self):
        page = self.open(self.page)
        rows = "document.querySelectorAll('#images tbody tr').length"
        self.assertEqual(page.evaluate(rows), 100)
        page.click("#pages button:last-of-type")
        self.assertEqual(page.evaluate(rows), 50)
        robust = sum(image["robust"] for image in self.card["images"])
        page.press("#filters select", "HOME", "ARROW_DOWN")
        self.assertGreater(robust, 0)
        self.assertIn(f"{robust} of 150 images", page.text("#shown"))
        self.assertEqual(page.evaluate(rows), min(robust, 100))

    def test_paper_cuts_nothing(self):
        page = self.open(self.page, scheme="dark")
        page.print_as(width=688)  # A4 less 14 mm on each side
        page.assert_no_overflow(also_in_boxes=True)
        self.assertGreater(len(page.print_pdf("card")), 10_000)


if __name__ == "__main__":
    unittest.main()
