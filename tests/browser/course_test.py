"""The course of `kelvin learn`: a question first, then a figure that answers to the mouse and to keys with the formulas' numbers."""
import time

from browser import BrowserTest, kelvin, unittest

LESSONS = {1: "tau", 2: "training", 3: "plane", 4: "twin", 5: "float32", 6: "attack", 7: "distance", 8: "real"}


class Course(BrowserTest):
    @classmethod
    def make_pages(cls, folder):
        kelvin("learn", "--out", "course.html", folder=folder)

    def course(self, *lessons, **how):
        """The page with the questions of these lessons answered rightly."""
        page = self.open(self.folder / "course.html", **how)
        for lesson in lessons:
            right = page.evaluate(f"document.querySelector('#lesson-{lesson} .question').dataset.right")
            page.press(f"#lesson-{lesson} input[value={right}]", "SPACE")
            page.press(f"#lesson-{lesson} .question button", "ENTER")
        for lesson in lessons:
            self.wait(page, f"'{LESSONS[lesson]}' in courseFigures")
        return page

    def finger(self, page, css, by):
        """Puts a finger on the middle of an element, moves it by (x, y) pixels in five steps and lifts it."""
        x, y = page.evaluate(f"(r => [r.x + r.width / 2, r.y + r.height / 2])(document.querySelector(\"{css}\").getBoundingClientRect())")

        def touch(kind, points):
            page.driver.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

        touch("touchStart", [{"x": x, "y": y}])
        for step in range(1, 6):
            touch("touchMove", [{"x": x + by[0] * step / 5, "y": y + by[1] * step / 5}])
        touch("touchEnd", [])

    def wait(self, page, expression):
        for _ in range(300):
            if page.evaluate(expression):
                return
            time.sleep(0.1)
        self.fail(f"never: {expression}")

    def same(self, page, css, expression):
        """The text on the page is the number that the formulas give."""
        self.assertEqual(page.text(css), page.evaluate(f"numberText({expression})"))

    def test_every_figure_waits_for_an_answer_and_has_a_name(self):
        page = self.open(self.folder / "course.html")
        page.check()
        for lesson, figure in LESSONS.items():
            self.assertFalse(page.find(f"#lesson-{lesson} .answer").is_displayed())
            self.assertEqual(page.find_all(f"#lesson-{lesson} figure input"), [])
            self.assertTrue(page.evaluate(f"document.querySelector('#lesson-{lesson} .stage').inert"), figure)
        page.press("#lesson-1 .question button", "ENTER")
        self.assertIn("Choose an answer first", page.text("#lesson-1 .question output"))
        self.assertFalse(page.find("#lesson-1 .answer").is_displayed())

    def test_answered_lessons_move_and_have_names(self):
        page = self.course(*LESSONS)
        self.wait(page, "!courseFigures.training.isRunning() && !courseFigures.twin.isRunning()")
        page.check()
        page.screenshot("course")
        for lesson in LESSONS:
            self.assertTrue(page.find(f"#lesson-{lesson} .answer").is_displayed())
            self.assertFalse(page.evaluate(f"document.querySelector('#lesson-{lesson} .stage').inert"))
            self.assertIn("That is right", page.text(f"#lesson-{lesson} .question output"))

    def test_a_wrong_answer_is_told(self):
        page = self.open(self.folder / "course.html")
        page.press("#lesson-1 input[value=a]", "SPACE")
        page.press("#lesson-1 .question button", "ENTER")
        self.assertIn("Not so", page.text("#lesson-1 .question output"))
        self.assertTrue(page.find("#lesson-1 .answer").is_displayed())

    def test_the_temperature_moves_by_keys_and_logits_by_the_mouse(self):
        page = self.course(1)
        page.press("#lesson-1 .slider input", "END")
        self.assertEqual(page.evaluate("courseFigures.tau.values().tau"), 100)
        self.same(page, "#lesson-1 [data-value=step-size]", "formulas.stepSize([4, 2.5, 0], 0, 100)")
        page.press("#lesson-1 .slider input", "HOME")
        self.same(page, "#lesson-1 tbody tr:first-child [data-key=gradient]", "0")
        self.same(page, "#lesson-1 [data-value=log-odds]", "formulas.logOdds([4, 2.5, 0], 0, 0.05)")
        page.press("#lesson-1 .logit", "ARROW_RIGHT", "ARROW_RIGHT")
        self.assertGreater(page.evaluate("courseFigures.tau.values().logits[0]"), 4)
        width = page.evaluate("document.querySelector('#lesson-1 .logit').clientWidth")
        page.drag("#lesson-1 .logit", start=(width * 0.46, 8), end=(width * 0.9, 8))
        z = page.evaluate("courseFigures.tau.values().logits[0]")
        self.assertGreater(z, 10)
        self.same(page, "#lesson-1 tbody tr:nth-child(2) [data-key=p]", f"formulas.softmax([{z}, 2.5, 0], 0.05)[1]")

    def test_float32_stops_where_the_kernels_do(self):
        page = self.course(5)
        for gap, state in ((5, "healthy"), (20, "label-lost"), (88, "denormal"), (104, "dead")):
            page.press(f"#lesson-5 [data-gap='{gap}']", "ENTER")
            self.assertEqual(page.find("#lesson-5 .tau-figure").get_attribute("data-state"), state)
            for row in (1, 2):
                self.same(page, f"#lesson-5 tbody tr:nth-child({row}) [data-key=gradient]",
                          f"formulas.crossEntropyGradient(gapLogits({gap}), 0, 1)[{row - 1}]")
        self.same(page, "#lesson-5 tbody tr:nth-child(2) [data-key=gradient]", "0")

    def test_features_and_prototypes_move_by_keys_mouse_and_finger(self):
        page = self.course(3)
        feature = "#lesson-3 [data-side='0'] .mark:last-child"
        x = page.evaluate("courseFigures.plane.state().f[0]")
        page.press(feature, "ARROW_RIGHT", "ARROW_RIGHT")
        self.assertAlmostEqual(page.evaluate("courseFigures.plane.state().f[0]"), x + 0.15, places=6)
        size = page.evaluate(f"document.querySelector(\"{feature} circle\").getBoundingClientRect().width")
        page.drag(f"{feature} circle", start=(size / 2, size / 2), end=(size / 2 + 60, size / 2 + 90))
        self.assertGreater(page.evaluate("courseFigures.plane.state().f[0]"), x + 0.4)
        self.assertEqual(page.text("#lesson-3 [data-value=angle]"),
                         page.evaluate("planeAngle(courseFigures.plane.state()).toFixed(1) + '°'"))
        self.same(page, "#lesson-3 [data-side='1'] [data-value=step]",
                  "formulas.stepSize(courseFigures.plane.state().w.map(w => dot(w, courseFigures.plane.state().f)), 2, 10)")
        before = page.evaluate("courseFigures.plane.state().f")
        self.finger(page, f"{feature} circle", (-50, -30))
        after = page.evaluate("courseFigures.plane.state().f")
        self.assertLess(after[0], before[0] - 0.2)
        self.assertGreater(after[1], before[1] + 0.1)
        page.press("#lesson-3 [data-preset='1']", "ENTER")
        self.assertEqual(page.text("#lesson-3 [data-value=angle]"), "0.0°")

    def test_a_low_temperature_stops_converging_at_a_high_rate(self):
        page = self.course(2)
        idle = "!courseFigures.training.isRunning()"
        self.wait(page, f"{idle} && courseFigures.training.trainings()[0].step === 300")
        page.press("#lesson-2 .slider input[aria-label^='temperature']", "HOME")
        self.wait(page, f"{idle} && courseFigures.training.trainings()[1].tau === 0.05 && courseFigures.training.trainings()[0].step === 300")
        self.assertGreater(page.evaluate("lastOf(courseFigures.training.trainings()[1]).loss"), 1.1)
        page.press("#lesson-2 [data-key=isScaled]", "SPACE")
        self.wait(page, f"{idle} && courseFigures.training.runs()[1].lr < 0.01 && courseFigures.training.trainings()[1].step === 300")
        self.assertLess(page.evaluate("lastOf(courseFigures.training.trainings()[1]).loss"), 0.2)

    def test_the_attack_starts_where_the_reader_puts_it(self):
        page = self.course(6)
        mark = "#lesson-6 [data-side='1'] .mark"
        self.assertIn("never moved", page.text("#lesson-6 [data-part=table]"))
        page.press(mark, "ARROW_UP", "ARROW_LEFT")
        state = "courseFigures.attack.state()"
        path = f"pgdPath({state}.models[1].layers, {state}.x, 0, {{loss: 'log-odds', eps: {state}.eps}})"
        self.same(page, "#lesson-6 [data-part=table] tbody tr:last-child td:nth-of-type(4)", f"{path}[20].margin")

    def test_scaling_changes_the_variance_alone(self):
        page = self.course(7)
        before = page.evaluate("distanceMeasures(courseFigures.distance.state())")
        page.press("#lesson-7 .slider input", "END")
        after = page.evaluate("distanceMeasures(courseFigures.distance.state())")
        self.assertAlmostEqual(after["raw"]["variance"] / before["raw"]["variance"], 1e4, places=4)
        self.assertAlmostEqual(after["raw"]["variation"], before["raw"]["variation"], places=9)
        self.same(page, "#lesson-7 [data-value=variance]", "distanceMeasures(courseFigures.distance.state()).raw.variance")

    def test_exercises_are_checked(self):
        page = self.open(self.folder / "course.html")
        for lesson in LESSONS:
            field = f"#lesson-{lesson} .exercise input"
            name = page.evaluate(f"document.querySelector('#lesson-{lesson} .exercise').dataset.exercise")
            page.press(field, "9", "9", "9", "9", "9", "ENTER")
            self.assertEqual(page.text(f"#lesson-{lesson} .exercise output"), "Not yet.")
            page.evaluate(f"document.querySelector('{field}').value = ''")
            page.press(field, *str(page.evaluate(f"exercises['{name}'].answer().toPrecision(4)")), "ENTER")
            self.assertEqual(page.text(f"#lesson-{lesson} .exercise output"), "Right.")

    def test_without_javascript_the_pictures_stand_and_the_answers_are_open(self):
        page = self.open(self.folder / "course.html", script=False)
        for lesson in LESSONS:
            self.assertTrue(page.find(f"#lesson-{lesson} .answer").is_displayed())
            self.assertTrue(page.find(f"#lesson-{lesson} figure svg").is_displayed())
            self.assertFalse(page.find(f"#lesson-{lesson} .question button").is_displayed())

    def test_print_and_phone(self):
        page = self.course(1, 3, 5, 6, 7, width=400, scheme="dark")
        page.assert_no_overflow()
        page.screenshot("course-phone")
        page.print_pdf("course")


if __name__ == "__main__":
    unittest.main()
