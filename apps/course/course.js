"use strict";
// The course's page: a question that the reader answers before its figure moves, and exercises that the page checks.
document.documentElement.classList.add("js");

const courseFigures = {};  // made so far, by name

// Puts the moving figure in the place of its picture; the networks of some are trained first, so the page says so before.
function openFigure(lesson) {
  const figure = lesson.querySelector("[data-figure]"), name = figure.dataset.figure, line = figure.querySelector(".locked");
  if (!figure.classList.contains("waiting") || figure.ariaBusy === "true") return;
  figure.ariaBusy = "true";
  line.textContent = "One moment …";
  setTimeout(() => {
    const stage = figure.querySelector(".stage");
    stage.inert = false;
    courseFigures[name] = makeFigure[name](stage);
    figure.classList.remove("waiting");
    figure.ariaBusy = "false";
  }, 20);
}

for (const lesson of document.querySelectorAll(".lesson")) {
  const question = lesson.querySelector(".question"), answer = lesson.querySelector(".answer"), verdict = question.querySelector("output");
  lesson.querySelector("[data-figure]").classList.add("waiting");
  lesson.querySelector(".stage").inert = true;
  question.addEventListener("submit", e => {
    e.preventDefault();
    const chosen = question.querySelector("input:checked");
    if (!chosen) return void (verdict.textContent = "Choose an answer first; a guess is fine.");
    const right = question.querySelector(`input[value="${question.dataset.right}"]`);
    verdict.textContent = chosen === right ? "That is right. The figure shows why." : `Not so. The answer is: ${right.parentElement.textContent.trim()}`;
    verdict.className = chosen === right ? "ok" : "bad";
    answer.classList.add("open");
    openFigure(lesson);
  });
  const exercise = lesson.querySelector(".exercise"), field = exercise.querySelector("input"), result = exercise.querySelector("output");
  exercise.addEventListener("submit", e => {
    e.preventDefault();
    const given = numberOf(field.value), task = exercises[exercise.dataset.exercise], ok = isRight(given, task);
    result.textContent = Number.isNaN(given) ? "Type a number, such as 0.25 or 1/4." : ok ? "Right." : "Not yet.";
    result.className = ok ? "ok" : "bad";
  });
}
