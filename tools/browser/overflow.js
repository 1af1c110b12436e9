// What reaches beyond the window's width, unless its own box can be scrolled.
() => {
  const width = document.documentElement.clientWidth;
  const problems = [];
  if (document.documentElement.scrollWidth > width) {
    problems.push(`the page is ${document.documentElement.scrollWidth} px wide, the window ${width}`);
  }
  const scrolls = (box) => {
    for (; box && !box.matches("article, body"); box = box.parentElement) {
      if (["auto", "scroll"].includes(getComputedStyle(box).overflowX)) return true;
    }
    return false;
  };
  // Text that only screen readers see stands in a box of one pixel.
  const hidden = (box) => {
    for (; box && box !== document.body; box = box.parentElement) {
      const style = getComputedStyle(box);
      if (style.clipPath !== "none" || style.clip !== "auto") return true;
      if (style.position === "fixed") return true;
    }
    return false;
  };
  // A formula that has to be scrolled is read in pieces.
  for (const formula of document.querySelectorAll("mjx-container[display='true']")) {
    if (formula.scrollWidth > formula.clientWidth + 1) {
      problems.push(`a formula is ${formula.scrollWidth} px wide, its column ${formula.clientWidth}: ` +
        formula.textContent.slice(0, 60));
    }
  }
  for (const element of document.querySelectorAll("main *")) {
    const box = element.getBoundingClientRect();
    if (!box.width || !box.height || !element.checkVisibility({ visibilityProperty: true })) continue;
    if (box.right <= width + 1 && box.left >= -1) continue;
    if (scrolls(element) || hidden(element)) continue;
    problems.push(`${Math.round(box.left)} to ${Math.round(box.right)} of ${width} px: ` +
      element.outerHTML.slice(0, 120));
  }
  return problems.slice(0, 10);
}
