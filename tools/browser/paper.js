// What a printed page would lose, tear apart or not show in black on white.
() => {
  const problems = [];
  const report = (what, element) => problems.push(`${what}: ${element.outerHTML.slice(0, 120)}`);
  const { clientWidth, clientHeight } = document.documentElement;
  const shown = (element) => element.checkVisibility({ visibilityProperty: true });
  // Text that only screen readers see stands in a box of one pixel.
  const hidden = (element) => element.closest("mjx-assistive-mml, .visually-hidden, .sr-only");
  // Black or gray. Formulas, whose bars are drawn as borders, are left out.
  const dark = (color) => /^rgb\((0|118), /.test(color);
  const sides = ["Top", "Right", "Bottom", "Left"];
  const text = "article, .bd-search-container";
  // Readers print without unfolding.
  const folds = [...document.querySelectorAll("details[open]")];
  folds.forEach((fold) => { fold.open = false; });

  for (const element of document.querySelectorAll("body :not(mjx-math *, script, style)")) {
    const style = getComputedStyle(element);
    if (!shown(element)) {
      if (element.matches("article details > :not(summary)")) report("folded", element);
      continue;
    }
    const box = element.getBoundingClientRect();
    if (!box.width || !box.height || hidden(element)) continue;
    if (!element.closest(text) && !element.querySelector(text)) report("beside the text", element);
    if (element.matches("button, .headerlink, details.hide > summary")) {
      report("of no use on paper", element);
    }
    if (element.matches("summary") && style.listStyleType !== "none") report("marker", element);
    const edges = sides.filter((side) => parseFloat(style[`border${side}Width`]))
      .map((side) => style[`border${side}Color`]);
    if (![style.color, ...edges].every(dark)) report("pale", element);
    const { backgroundImage, backgroundColor, boxShadow, filter } = style;
    const ground = [backgroundImage, backgroundColor, boxShadow, filter].join();
    if (ground !== "none,rgba(0, 0, 0, 0),none,none") report("not on white", element);
    if (box.right > clientWidth + 1 || box.left < -1) report("beyond the edge", element);
    if (element.closest("article") && style.overflowX !== "visible") report("cut off", element);
    if (element.matches("article") && box.width < clientWidth) report("narrow", element);
    const whole = "figure, div.math, .cell_input, .statement, .predict, .self-check, tr";
    if (element.matches(whole) && style.breakInside !== "avoid") report("may be torn", element);
    const first = "h1, h2, h3, h4, h5, h6, dt, summary, .rubric, section > span";
    if (element.matches(first) && style.breakAfter !== "avoid") report("may end a page", element);
    if (element.matches("figure") && box.height > clientHeight) report("higher than a page", element);
    if (element.matches("thead") && style.display !== "table-header-group") {
      report("not repeated", element);
    }
    if (element.matches(".eqno")) {
      const formula = element.parentElement.querySelector("mjx-container").getBoundingClientRect();
      const middle = (box.top + box.bottom) / 2;
      if (middle < formula.top || middle > formula.bottom) report("apart from its formula", element);
    }
  }
  const { colorScheme } = getComputedStyle(document.documentElement);
  if (colorScheme !== "light") problems.push(`a ${colorScheme} page`);
  const { scrollWidth } = document.documentElement;
  if (scrollWidth > clientWidth + 1) problems.push(`${scrollWidth} px on ${clientWidth} of paper`);
  if (document.querySelector("article h1")?.checkVisibility() === false) problems.push("no title");
  folds.forEach((fold) => { fold.open = true; });
  return problems.slice(0, 10);
}
