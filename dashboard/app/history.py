"""Back and Forward: each choice of the reader is a place that they can go back to.

Streamlit replaces the address with each choice, so that Back would leave the pages. A
choice within a second of another belongs to it: choosing a period may take a tab out of
the address.
"""

from __future__ import annotations

from typing import Final

#: Script that the router adds once. A page reached by going back is loaded as a link
#: is; the menu signals that the address has changed without anybody going back.
SCRIPT: Final = """
<script>
if (!window.keepsHistory) {
  window.keepsHistory = true;
  const replace = history.replaceState.bind(history);
  let last = 0;
  history.replaceState = (state, title, link) => {
    const next = new URL(link ?? location.href, location.href);
    const isChoice = navigator.userActivation?.isActive && Date.now() - last > 1000
      && next.pathname === location.pathname && next.search !== location.search;
    if (!isChoice) return replace(state, title, link);
    last = Date.now();
    history.pushState(state, title, link);
  };
  addEventListener("popstate", event => event.isTrusted && location.reload());
}
</script>
"""
