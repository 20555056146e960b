"""The report of a small quickstart, and of its runs as an earlier version left them."""
import json

from browser import NARROW, BrowserTest, kelvin, unittest

QUICKSTART = ("quickstart --data synthetic:train=400,test=200,size=8,classes=4 --model mlp --epochs 2 --batch-size 32 --taus 1 10 100 "
              "--attack-limit 20 --corrupt-limit 20 --out q --quiet --json").split()


class Report(BrowserTest):
    @classmethod
    def make_pages(cls, folder):
        cls.printed = json.loads(kelvin(*QUICKSTART, folder=folder))
        cls.page = folder / "q" / "report.html"
        old = folder / "old"
        for name in ("train", "evaluate"):  # what the first versions wrote
            (old / "results").mkdir(parents=True, exist_ok=True)
            result = json.loads((folder / "q/tau-10/results" / f"{name}.json").read_text())
            del result["kelvin.checksum"], result["kelvin.format"]
            if name == "train":
                result["not_converged"] = {"reason": "loss", "loss": 17.25, "chance": 0.25, "lr": 0.5, "tau": 10}
            (old / "results" / f"{name}.json").write_text(json.dumps(result))
        kelvin("report", "old", "--out", "old.html", folder=folder)

    def test_nothing_fails_leaves_the_page_or_has_no_name(self):
        page = self.open(self.page)
        page.check()
        self.assertIn("3 runs of mlp", page.text("#summary"))
        self.assertLess(self.page.stat().st_size, 1_000_000)

    def test_an_old_run_has_a_page(self):
        page = self.open(self.folder / "old.html")
        page.check()
        self.assertIn("τ = 10", page.text("#results"))
        self.assertIn("τ = 10 has not converged", page.text("#summary"))
        self.assertIn("has not converged (loss). The last quarter of its steps: loss 17.3, chance 25.0 %, learning rate 0.5.", page.text("#not-converged"))
        self.assertEqual(page.evaluate("document.getElementById('left-out').hidden"), False)

    def test_it_opens_with_the_claims_that_the_program_printed(self):
        page = self.open(self.page)
        self.assertEqual(page.evaluate("document.querySelector('main section').id"), "section-claims")
        shown = page.text("#section-claims")
        self.assertEqual(len(self.printed["claims"]), 7)
        for claim in self.printed["claims"]:
            self.assertNotEqual(claim["verdict"], "not measured", claim["key"])
            for part in ("claim", "verdict", "figure", "size", "uncertainty", "reason"):
                self.assertIn(" ".join(claim[part].split()), shown)

    def test_tables_say_what_their_cells_belong_to(self):
        page = self.open(self.page)
        self.assertGreater(page.evaluate("document.querySelectorAll('table').length"), 10)
        self.assertEqual(page.evaluate("[...document.querySelectorAll('table')].filter(t => !t.caption).map(t => t.id)"), [])
        self.assertEqual(page.evaluate("[...document.querySelectorAll('th')].filter(h => !h.scope).length"), 0)

    def test_every_number_of_a_figure_is_in_its_table(self):
        page = self.open(self.page)
        charts = page.evaluate("[...document.querySelectorAll('canvas')].map(c => [c.id, "
                               "Chart.getChart(c).data.datasets.flatMap(d => d.data.map(valueOf)).filter(isNumber).map(short), "
                               "[...c.closest('.plot').querySelectorAll('td')].map(e => e.textContent.split(' ± ')[0])])")
        self.assertGreater(len(charts), 12)
        for name, numbers, cells in charts:
            self.assertTrue(numbers, name)
            self.assertEqual(set(numbers) - set(cells), set(), name)

    def test_a_canvas_says_what_it_shows(self):
        page = self.open(self.page)
        label = page.find("#accuracy").get_attribute("aria-label")
        for part in ("Accuracy against τ", "accuracy, %", "PGD, log-odds", "table"):
            self.assertIn(part, label)

    def test_the_margin_stands_above_the_bars(self):
        page = self.open(self.page)
        order = page.evaluate("Chart.getChart('masking').getSortedVisibleDatasetMetas().map(m => m.type)")
        self.assertEqual(order, ["line", "line", "bar", "bar"])  # drawn from the last to the first

    def test_tooltips_have_units(self):
        page = self.open(self.page)
        label = page.evaluate("(c => c.options.plugins.tooltip.callbacks.label({dataset: c.data.datasets[0], "
                              "parsed: {x: 1, y: 86.93}}))(Chart.getChart('accuracy'))")
        self.assertEqual(label, "clean: 86.9 %")

    def test_a_model_is_chosen_by_keys(self):
        page = self.open(self.page)
        before = page.text(".plot:has(#reliability) details")
        page.press("#calibration-choice select", "HOME")
        self.assertEqual(page.evaluate("document.querySelector('#calibration-choice select').selectedIndex"), 0)
        self.assertNotEqual(page.text(".plot:has(#reliability) details"), before)
        self.assertEqual(page.evaluate("document.querySelectorAll('.plot:has(#reliability) details').length"), 1)

    def test_contents_lead_to_every_section(self):
        page = self.open(self.page)
        links = page.evaluate("[...document.querySelectorAll('#contents a')].map(a => a.hash.slice(1))")
        shown = page.evaluate("[...document.querySelectorAll('main section:not([hidden])')].map(s => s.id)")
        self.assertEqual(links, shown)

    def test_its_words_are_explained(self):
        page = self.open(self.page)
        self.assertIn("PGD", page.text("#section-glossary"))
        self.assertGreater(page.evaluate("document.querySelectorAll('#section-glossary dt').length"), 10)

    def test_the_plot_keeps_its_height_on_a_phone(self):
        page = self.open(self.page, width=NARROW)
        heights = page.evaluate("[...document.querySelectorAll('canvas')].map(c => [c.id, Chart.getChart(c).chartArea.height])")
        for name, height in heights:
            self.assertGreater(height, 130, name)

    def test_paper_is_white_and_nothing_is_cut(self):
        page = self.open(self.page, scheme="dark")
        page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
        self.assertEqual(page.evaluate("Chart.getChart('accuracy').options.color"), "#1b1f24")
        page.evaluate("window.dispatchEvent(new Event('afterprint'))")
        self.assertEqual(page.evaluate("Chart.getChart('accuracy').options.color"), "#e6edf3")
        page.print_as(width=688)  # A4 less 14 mm on each side
        page.assert_no_overflow(also_in_boxes=True)
        self.assertGreater(len(page.print_pdf("report")), 10_000)


if __name__ == "__main__":
    unittest.main()
