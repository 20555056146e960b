"""The explorer of two small models, one of them of high temperature."""
import base64
import json

from browser import NARROW, BrowserTest, kelvin, unittest

TRAIN = ("train --data synthetic:train=2000,test=200,size=8,classes=4,overlap=0.01 --model mlp --epochs 4 --batch-size 32 --lr 0.01 "
         "--lr-times-tau --quiet").split()
STEPS = 6


class Explorer(BrowserTest):
    @classmethod
    def make_pages(cls, folder):
        for tau in (1, 100):
            kelvin(*TRAIN, "--tau", tau, "--out", f"tau{tau}", folder=folder)
        kelvin("explore", "tau1", "tau100", "--images", 8, "--steps", STEPS, "--eps", "0.1", "--quiet", folder=folder)
        # One model, in colour, of two classes and directions: no plane of three, no menu.
        kelvin(*"train --data synthetic:train=400,test=100,size=8,channels=3,classes=2 --model resnet8 --classifier cosine --epochs 1 "
               "--quiet --out colour".split(), folder=folder)
        kelvin(*"explore colour --images 3 --steps 1 --no-random-start --quiet --out colour.html".split(), folder=folder)
        page = (folder / "kelvin-explorer.html").read_text()
        cls.data = json.loads(page.split('id="data">')[1].split("</script>")[0])

    def page(self, **how):
        return self.open(self.folder / "kelvin-explorer.html", **how)

    def path(self, page, model=0, loss="ce"):
        return self.data["models"][model]["images"][page.evaluate("view.image")][loss]["path"]

    def shown_margin(self, page, part=0):
        """The margin of the part of the path's figures: cross-entropy and log-odds of the left model, then of the right one."""
        line = page.find_all("#section-path .numbers")[part].text
        return float(line.split("margin ")[1].split(",")[0])

    def test_the_page_is_whole(self):
        for scheme in ("light", "dark"):
            page = self.page(scheme=scheme)
            self.assertEqual(page.find_all(".missing"), [])
            page.check()
            page.screenshot(f"explorer-{scheme}")
        self.page(width=NARROW).screenshot("explorer-phone")

    def test_keys_step_the_attack_and_show_the_stored_margin(self):
        page = self.page()
        self.assertEqual(page.text("#step-text"), f"step {STEPS} of {STEPS}")
        page.press("body", "ARROW_LEFT", "ARROW_LEFT")  # anywhere
        self.assertEqual(page.text("#step-text"), f"step {STEPS - 2} of {STEPS}")
        page.press("#step", "HOME", "ARROW_RIGHT")  # the slider itself
        self.assertEqual(page.text("#step-text"), f"step 1 of {STEPS}")
        for part, (model, loss) in enumerate([(0, "ce"), (0, "log-odds"), (1, "ce"), (1, "log-odds")]):
            stored = self.path(page, model, loss)["margin"][1]
            self.assertAlmostEqual(self.shown_margin(page, part), stored, delta=1e-3 * abs(stored) + 1e-6)  # four digits are shown
        self.assertIn("margin", page.find("#step").get_attribute("aria-valuetext"))
        page.click("#previous")
        self.assertEqual(page.text("#step-text"), "random start")

    def test_a_drag_in_a_chart_steps(self):
        page = self.page()
        page.drag("#section-path .chart-svg", start=(300, 60), end=(40, 60))
        self.assertEqual(page.evaluate("view.step"), 0)

    def test_images_and_models_are_chosen_by_keys(self):
        page = self.page()
        first = page.evaluate("view.image")
        page.press("#images input:checked", "ARROW_RIGHT")
        self.assertEqual(page.evaluate("view.image"), (first + 1) % 8)
        self.assertIn(f"image {self.data['images'][(first + 1) % 8]['index']}:", page.text("#now"))
        page.press("#menus select", "ARROW_DOWN")  # left model: τ = 100, so that both columns are one
        self.assertEqual(page.evaluate("view.models"), [1, 1])
        self.assertEqual(len(page.find_all("#section-gradients .model")), 1)

    def test_a_gradient_that_is_exactly_zero_is_blank_and_its_path_stands_still(self):
        page = self.page()
        blank = page.find("#section-gradients .model:nth-child(2) .blank")
        self.assertEqual((blank.text, blank.get_attribute("role")), ("exactly zero", "img"))
        margins = self.path(page, 1)["margin"]
        self.assertEqual(set(margins), {margins[0]})
        self.assertIn("never moves", page.text("#section-path .model:nth-child(2) .path-part"))
        self.assertTrue(page.evaluate("walkOf(images[view.image], models[1].images[view.image].ce.path).moves.every(m => !m)"))
        self.assertTrue(page.evaluate("walkOf(images[view.image], models[1].images[view.image]['log-odds'].path).moves.every(m => m)"))

    def test_steps_are_taken_again_as_they_were_stored(self):
        page = self.page()
        image, eps, step = self.data["images"][0], self.data["attack"]["eps"], self.data["attack"]["step"]
        x, start = ([b / 255 for b in base64.b64decode(image["pixels"])], [eps * (b - 127) / 127 for b in base64.b64decode(image["start"])])
        signs = [b // 3**k % 3 - 1 for b in base64.b64decode(self.data["models"][0]["images"][0]["log-odds"]["path"]["signs"]) for k in range(5)]
        change = start
        for k in range(STEPS):
            change = [max(-v, min(1 - v, max(-eps, min(eps, c + step * s)))) for v, c, s in zip(x, change, signs[k * len(x):])]
        shown = page.evaluate("Array.from(walkOf(images[0], models[0].images[0]['log-odds'].path).changes[attack.steps])")
        for a, b in zip(shown, change, strict=True):
            self.assertAlmostEqual(a, b, delta=1e-6)  # float32 in the page

    def test_no_step_leaves_the_ball(self):
        page = self.page()
        changes = page.evaluate("images.flatMap((image, i) => models.flatMap(m => losses.flatMap(l => "
                                "walkOf(image, m.images[i][l.name].path).changes.map(c => Math.max(...c.map(Math.abs))))))")
        self.assertEqual(len(changes), 8 * 2 * 2 * (STEPS + 1))
        self.assertLessEqual(max(changes), 0.1 * (1 + 1e-6))
        self.assertGreater(max(changes), 0.099)

    def test_the_temperature_moves_the_gradient(self):
        page = self.page()
        self.assertEqual(page.evaluate("document.querySelectorAll('#section-logits .tau-figure')[1].dataset.state"), "dead")
        page.click("#section-logits .model:nth-child(2) button:nth-of-type(2)")  # τ = 100, as it was trained
        self.assertEqual(page.evaluate("document.querySelectorAll('#section-logits .tau-figure')[1].dataset.state"), "healthy")

    def test_one_model_of_two_classes_in_colour(self):
        page = self.open(self.folder / "colour.html")
        self.assertEqual(page.find_all(".missing"), [])
        page.check()
        self.assertEqual(page.find_all("#menus select"), [])
        self.assertEqual(len(page.find_all("#section-plane .region")), 2)
        page.press("body", "ARROW_LEFT")
        self.assertEqual(page.text("#step-text"), "the image itself")
        page.screenshot("explorer-colour")

    def test_every_image_is_printed(self):
        page = self.page()
        pdf = page.print_pdf("explorer")
        self.assertGreaterEqual(pdf.count(b"/Type /Page\n") + pdf.count(b"/Type /Page "), 2 * 8)


if __name__ == "__main__":
    unittest.main()
