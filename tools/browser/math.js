// Formulas that are not typeset, or that MathJax could not read.
() => {
  const short = (text) => text.trim().replace(/\s+/g, " ").slice(0, 80);
  const raw = [...document.querySelectorAll(".math")]
    .filter((formula) => !formula.querySelector("mjx-container"))
    .map((formula) => `not typeset: ${short(formula.textContent)}`);
  const errors = [...document.querySelectorAll("mjx-merror, [data-mjx-error]")]
    .map((error) => `MathJax says: ${error.dataset.mjxError ?? short(error.textContent)}`);
  return [...raw, ...errors];
}
