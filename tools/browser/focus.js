// Where the focus is, and whether one sees it; null when it has left the page.
() => {
  const element = document.activeElement;
  if (!element || element === document.body || element === document.documentElement) return null;
  const style = getComputedStyle(element);
  const mark = element.dataset.keyboardMark;
  return {
    mark: mark === undefined ? null : Number(mark),
    name: element.outerHTML.slice(0, 120),
    visible: (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0 &&
        !/, 0\)$/.test(style.outlineColor)) ||
      style.boxShadow !== "none",
  };
}
