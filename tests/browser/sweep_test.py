"""The page of a small sweep."""
from browser import BrowserTest, kelvin, unittest

SWEEP = ("sweep --preset temperatures --data synthetic:train=300,test=100,size=8,classes=4 --model mlp --epochs 1 --seeds 0,1 --grid tau=1,30 "
         "--attack-limit 20 --worst-limit 20 --worst-attack apgd-t --corrupt-limit 20 --geometry-limit 20 --out s --quiet").split()


class Sweep(BrowserTest):
    @classmethod
    def make_pages(cls, folder):
        kelvin(*SWEEP, folder=folder)
        cls.page = folder / "s" / "report.html"

    def test_nothing_fails_leaves_the_page_or_has_no_name(self):
        page = self.open(self.page)
        page.check()
        page.screenshot("sweep")
        for table in ("#sweep-table", "#differences", "#cells"):
            self.assertIn("tau", page.text(table))

    def test_tables_say_what_their_cells_belong_to(self):
        page = self.open(self.page)
        self.assertEqual(page.evaluate("[...document.querySelectorAll('table')].filter(t => !t.caption).map(t => t.id)"), [])
        self.assertEqual(page.evaluate("[...document.querySelectorAll('th')].filter(h => !h.scope).length"), 0)

    def test_figures_have_their_numbers_with_deviations(self):
        page = self.open(self.page)
        self.assertIn("±", page.text(".plot:has(#series) details"))

    def test_paper_shows_the_whole_table(self):
        page = self.open(self.page)
        page.print_as(width=688)
        page.assert_no_overflow(also_in_boxes=True)
        page.print_pdf("sweep")


if __name__ == "__main__":
    unittest.main()
