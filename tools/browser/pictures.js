// Pictures that did not load, or that say nothing to somebody who does not see them.
() => {
  const problems = [];
  for (const image of document.querySelectorAll("img")) {
    if (!image.checkVisibility()) continue;
    const name = image.getAttribute("src").slice(-60);
    if (!image.complete || image.naturalWidth === 0) problems.push(`did not load: ${name}`);
    if (image.closest("article") && image.alt.trim().split(/\s+/).length < 4) {
      problems.push(`alternative text is ${JSON.stringify(image.alt)}: ${name}`);
    }
  }
  return problems;
}
