"""Opens a page of Kelvin's in headless Chromium and acts on it as a reader does: drags, keys, narrow screens, print.

Needs Debian's chromium, chromium-driver and python3-selenium. README.md shows a test.
"""
import base64
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import time
import unittest

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

WIDE, NARROW = 1280, 400  # CSS pixels: a desktop, a phone

# What a reader who cannot see the page must be told the name of.
NAMED_ROLES = {
    "button", "canvas", "checkbox", "combobox", "figure", "graphics-document", "img", "image", "link", "listbox",
    "menuitem", "meter", "option", "progressbar", "radio", "scrollbar", "searchbox", "slider", "spinbutton", "switch",
    "tab", "table", "textbox", "treeitem",
}


def kelvin(*arguments, folder, seconds=300):
    """Runs the program in a folder and returns its standard output; fails with its standard error."""
    program = os.path.abspath(os.environ["KELVIN_PROGRAM"])
    done = subprocess.run([program, *map(str, arguments)], cwd=folder, capture_output=True, text=True, timeout=seconds)
    if done.returncode != 0:
        raise AssertionError(f"kelvin {' '.join(map(str, arguments))}: exit code {done.returncode}\n{done.stderr}")
    return done.stdout


class BrowserTest(unittest.TestCase):
    """One browser and one temporary folder for the tests of a class. `make_pages(folder)` makes what they open."""

    @classmethod
    def make_pages(cls, folder):
        """Runs kelvin() for the pages of this class; called once."""

    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="kelvin-browser-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, True)
        cls.make_pages(cls.folder)
        options = webdriver.ChromeOptions()
        options.binary_location = shutil.which("chromium")
        # No host has an address, so that no page can reach one. Chromium's sandbox does not work for root.
        for flag in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--mute-audio",
                     "--disable-background-networking", "--host-resolver-rules=MAP * ~NOTFOUND",
                     f"--user-data-dir={cls.folder / 'profile'}", f"--window-size={WIDE},900", "--hide-scrollbars"):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        cls.driver = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
        cls.addClassCleanup(cls.driver.quit)

    def open(self, path, width=WIDE, height=900, scheme="light", script=True):
        """The page of a file, at a width, light or dark, with or without JavaScript."""
        return Page(self, path, width, height, scheme, script)


class Page:
    def __init__(self, test, path, width, height, scheme, script):
        self.test, self.driver = test, test.driver
        self.address = pathlib.Path(path).resolve().as_uri()
        self._cdp("Emulation.setScriptExecutionDisabled", value=not script)
        self._cdp("Emulation.setEmulatedMedia", media="",
                  features=[{"name": "prefers-color-scheme", "value": scheme},
                            {"name": "prefers-reduced-motion", "value": "reduce"}])
        self.resize(width, height)
        self._logs("browser"), self._logs("performance")  # those of the page before
        self.driver.get(self.address)

    def _cdp(self, command, **arguments):
        return self.driver.execute_cdp_cmd(command, arguments)

    def _logs(self, kind):
        return self.driver.get_log(kind)

    # Looking.

    def find(self, css):
        """The first visible element, else the first one; fails if there is none."""
        found = self.driver.find_elements(By.CSS_SELECTOR, css)
        self.test.assertTrue(found, f"no {css} on {self.address}")
        return next((e for e in found if e.is_displayed()), found[0])

    def find_all(self, css):
        return self.driver.find_elements(By.CSS_SELECTOR, css)

    def text(self, css):
        """The text of an element as the page holds it, spaces joined; also where it is folded away."""
        return " ".join((self.find(css).get_attribute("textContent") or "").split())

    def evaluate(self, expression):
        """The value of a JavaScript expression."""
        return self.driver.execute_script(f"return ({expression});")

    # Acting.

    def resize(self, width, height=900):
        self._cdp("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def drag(self, css, start, end):
        """Presses the mouse at `start`, a point (x, y) in pixels from the element's upper left corner, moves it in ten
        steps and lets it go at `end`."""
        element = self.find(css)
        self.driver.execute_script("arguments[0].scrollIntoView({block: 'center'});", element)
        box = self.driver.execute_script(
            "const r = arguments[0].getBoundingClientRect(); return [r.x, r.y];", element)

        def mouse(kind, at, **more):
            self._cdp("Input.dispatchMouseEvent", type=kind, x=box[0] + at[0], y=box[1] + at[1], **more)

        mouse("mouseMoved", start)
        mouse("mousePressed", start, button="left", buttons=1, clickCount=1)
        for step in range(1, 11):
            mouse("mouseMoved", [a + (b - a) * step / 10 for a, b in zip(start, end)], button="left", buttons=1)
        mouse("mouseReleased", end, button="left", clickCount=1)

    def press(self, css, *keys):
        """Focuses an element and presses keys by name: "ARROW_RIGHT", "HOME", "TAB", "ENTER", "SPACE", or "a"."""
        element = self.find(css)
        self.driver.execute_script("arguments[0].focus();", element)
        for key in keys:
            element.send_keys(getattr(Keys, key, key))

    def click(self, css):
        self.find(css).click()

    # Checking.

    def assert_no_console_errors(self):
        errors = [e["message"] for e in self._logs("browser") if e["level"] == "SEVERE"]
        self.test.assertEqual(errors, [], self.address)

    def assert_no_requests(self):
        """Nothing but the file itself was asked for since the page was opened."""
        asked = []
        for entry in self._logs("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                asked.append(message["params"]["request"]["url"])
        others = [url for url in asked if url.split("#")[0] != self.address and not url.startswith(("data:", "blob:"))]
        self.test.assertEqual(others, [], f"{self.address} asks for other files")

    def accessibility_tree(self):
        """What a screen reader is given: a list of {"role", "name"} in the page's order."""
        self._cdp("Accessibility.enable")
        nodes = self._cdp("Accessibility.getFullAXTree")["nodes"]
        return [{"role": n.get("role", {}).get("value", ""), "name": (n.get("name", {}).get("value") or "").strip()}
                for n in nodes if not n.get("ignored")]

    def assert_all_named(self, roles=frozenset(NAMED_ROLES)):
        """No figure, canvas, table or control without a name."""
        tree = self.accessibility_tree()
        self.test.assertGreater(len(tree), 5)
        nameless = [n["role"] for n in tree if n["role"].lower() in roles and not n["name"]]
        self.test.assertEqual(nameless, [], f"{self.address}: roles without a name")
        canvases = self.driver.execute_script(
            "return [...document.querySelectorAll('canvas')].filter(c => c.checkVisibility() && "
            "!c.closest('[aria-hidden=true]') && !c.getAttribute('aria-label') && "
            "!c.getAttribute('aria-labelledby')).map(c => c.id || 'a canvas');")
        self.test.assertEqual(canvases, [], f"{self.address}: canvases without a name")

    def print_as(self, width):
        """From here on the page is laid out as it is printed, at a width."""
        self._cdp("Emulation.setEmulatedMedia", media="print", features=[])
        self.resize(width)

    def assert_no_overflow(self, also_in_boxes=False):
        """The page does not scroll sideways at its present width. Boxes of the class `scroll` may, except on paper."""
        script = (
            "const d = document.documentElement;"
            "if (d.scrollWidth <= d.clientWidth && !arguments[0]) return [];"
            "const page = d.scrollWidth > d.clientWidth ? [`the page is ${d.scrollWidth} wide`] : [];"
            "return page.concat([...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > "
            "d.clientWidth + 1 && (arguments[0] || !e.parentElement.closest('.scroll, svg'))).slice(0, 5).map(e => "
            "e.tagName + '#' + e.id + '.' + e.className + ' ends at ' + Math.round(e.getBoundingClientRect().right) + "
            "` of ${d.clientWidth}`));")
        for _ in range(50):  # charts follow a new width when the browser next draws
            wide = self.driver.execute_script(script, also_in_boxes)
            if not wide:
                break
            time.sleep(0.1)
        self.test.assertEqual(wide, [], self.address)

    def check(self):
        """The checks that every page passes, at both widths."""
        self.assert_no_console_errors()
        self.assert_no_requests()
        self.assert_all_named()
        for width in (WIDE, NARROW):
            self.resize(width)
            self.assert_no_overflow()

    # Keeping. Images and prints are for a person's eyes: KELVIN_BROWSER_OUT names their folder; else they are not kept.

    def screenshot(self, name):
        """The whole page as NAME-1.png, NAME-2.png, ... of 2000 pixels: Chromium leaves canvases out of higher images."""
        if out := os.environ.get("KELVIN_BROWSER_OUT"):
            width, height = self.evaluate("[document.documentElement.clientWidth, document.documentElement.scrollHeight]")
            self.resize(width, 2000)
            for part, top in enumerate(range(0, height, 2000), 1):
                self.driver.execute_script("window.scrollTo(0, arguments[0]);", top)
                shot = self._cdp("Page.captureScreenshot")
                pathlib.Path(out, f"{name}-{part}.png").write_bytes(base64.b64decode(shot["data"]))

    def print_pdf(self, name=None):
        """The page printed on A4, as bytes; kept as NAME.pdf."""
        pdf = base64.b64decode(self._cdp("Page.printToPDF", paperWidth=8.27, paperHeight=11.69, printBackground=True)["data"])
        self.test.assertTrue(pdf.startswith(b"%PDF"))
        if (out := os.environ.get("KELVIN_BROWSER_OUT")) and name:
            pathlib.Path(out, f"{name}.pdf").write_bytes(pdf)
        return pdf
