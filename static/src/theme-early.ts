// Runs before the first paint, so that the chosen theme does not flash in after the default.
try {
  const theme = localStorage.getItem('ts-theme');
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
} catch {
  // Storage may be switched off; then the default stays.
}
