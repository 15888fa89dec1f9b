// What changes by itself: parts of a page that are renewed as events come; they can be paused.
"use strict";

const QUIET_MS = 5000;

function follow(part) {
  const lost = document.getElementById("lost");
  const pause = document.getElementById("pause");
  let heard = Date.now();
  let source = null;

  function listen() {
    source = new EventSource(part.dataset.live);
    source.addEventListener(part.dataset.event, (event) => {
      heard = Date.now();
      lost.hidden = true;
      replace(part, event.data);
    });
    source.addEventListener("error", () => {
      lost.hidden = false;
      if (source.readyState === EventSource.CLOSED) { // Refused: a browser does not try again.
        logInAgain(part.dataset.live);
        setTimeout(() => source && listen(), 1000);
      }
    });
  }

  function stop() {
    if (source) {
      source.close();
    }
    source = null;
    lost.hidden = true;
  }

  function goOn() {
    heard = Date.now();
    if (!source) {
      listen();
    }
  }

  pause.hidden = false;
  pause.addEventListener("click", () => {
    const paused = pause.getAttribute("aria-pressed") !== "true";
    pause.setAttribute("aria-pressed", String(paused));
    pause.textContent = paused ? "Go on" : "Pause";
    if (paused) {
      stop();
    } else {
      goOn();
    }
  });
  // A browser has few connections to a host: who does not look needs none.
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) {
      stop();
    } else if (pause.getAttribute("aria-pressed") !== "true") {
      goOn();
    }
  });
  setInterval(() => {
    if (source && Date.now() - heard > QUIET_MS) {
      lost.hidden = false;
    }
  }, 1000);
  window.addEventListener("pagehide", () => source && source.close());
  if (!document.hidden) {
    listen();
  }
}

// A session that has ended leads to the login, and from there back; why a stream was refused it does not say itself.
async function logInAgain(url) {
  const asked = new AbortController();
  try {
    if ((await fetch(url, { signal: asked.signal })).status === 401) {
      location.reload();
    }
  } catch {
    return; // Nobody answers: the page says so already.
  } finally {
    asked.abort();
  }
}

// Keeps the place of whoever reads by keyboard: what is focused is focused again.
function replace(part, html) {
  const focused = part.contains(document.activeElement) ? document.activeElement : null;
  const links = focused ? [...part.querySelectorAll("a, [tabindex]")] : [];
  const nth = links.indexOf(focused);
  const href = focused && focused.getAttribute("href");
  part.innerHTML = html;
  if (focused) {
    const same = href && part.querySelector(`a[href="${CSS.escape(href)}"]`);
    const again = same || part.querySelectorAll("a, [tabindex]")[nth];
    if (again) {
      again.focus({ preventScroll: true });
    }
  }
}

document.querySelectorAll("[data-live]").forEach(follow);

// A part of a page that cannot be renewed, as while the console starts again, says so; the next try may.
document.addEventListener("htmx:afterRequest", (event) => {
  document.getElementById("lost").hidden = event.detail.successful;
});

// What a slider is at is shown while it is moved; it asks when it is let go.
document.addEventListener("input", (event) => {
  const shown = event.target.dataset && document.getElementById(event.target.dataset.shown);
  if (shown) {
    shown.textContent = Number(event.target.value).toLocaleString("en");
  }
});
