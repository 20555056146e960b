"""The report of a small quickstart."""
from browser import BrowserTest, kelvin, unittest

QUICKSTART = ("quickstart --data synthetic:train=400,test=200,size=8,classes=4 --model mlp --epochs 2 --batch-size 32 --taus 1 10 100 "
              "--attack-limit 20 --corrupt-limit 20 --out q --quiet").split()


class Report(BrowserTest):
    @classmethod
    def make_pages(cls, folder):
        kelvin(*QUICKSTART, folder=folder)

    def test_nothing_fails_and_nothing_leaves_the_page(self):
        page = self.open(self.folder / "q" / "report.html")
        page.assert_no_console_errors()
        page.assert_no_requests()
        self.assertIn("3 runs of mlp", page.text("#summary"))


if __name__ == "__main__":
    unittest.main()
