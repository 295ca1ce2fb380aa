"use strict";
// The report is whole without this: search, filters, links that keep them, and what is opened late.
(() => {
  const root = document.documentElement;
  root.classList.add("js");
  const FACETS = ["platform", "verdict", "stage", "reason"];
  const MOST_OPENED = 150;
  const MS_OF_REST = 120; // while somebody types
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];

  // -- what is opened late ---------------------------------------------------------------------------
  // With scripts on, the text of a noscript element is the HTML that it would have been without.
  const cache = new WeakMap();
  const parsed = (holder) => {
    if (!cache.has(holder)) {
      const template = document.createElement("template");
      template.innerHTML = holder.textContent;
      cache.set(holder, template.content);
    }
    return cache.get(holder);
  };
  const holders = (details) => (details ? all(":scope > noscript", details) : []);
  // What an anchor names; that of an attempt begins with that of its case, which may not be open yet.
  const named = (anchor) => {
    const found = document.getElementById(anchor);
    if (found) return found;
    const owner = document.getElementById(anchor.split("-")[0]);
    return holders(owner).map((holder) => parsed(holder).getElementById(anchor)).find(Boolean);
  };
  // A link to what is shown elsewhere already gives way to a copy of it.
  const complete = (within) => {
    for (const link of all("a.as", within)) {
      const found = named(link.hash.slice(1));
      if (!found) continue;
      const copy = found.cloneNode(true);
      for (const element of [copy, ...all("[id]", copy)]) element.removeAttribute("id");
      complete(copy);
      link.replaceWith(copy);
    }
  };
  const fill = (details) => {
    for (const holder of holders(details)) {
      const content = parsed(holder);
      complete(content);
      holder.replaceWith(content);
    }
  };
  const open = (details) => {
    fill(details);
    details.open = true;
  };

  // -- the text that is searched -----------------------------------------------------------------------
  const texts = new Map();
  // The record's words: what stands in both languages is the report's own.
  const words = (node) => {
    if (node.nodeType === Node.TEXT_NODE) return node.data;
    if (node.matches?.("i[lang=ja]") || node.nextSibling?.matches?.("i[lang=ja]")) return " ";
    if (node.matches?.("a.as")) {
      const anchor = node.hash.slice(1);
      if (!texts.has(anchor)) texts.set(anchor, words(named(anchor) ?? new Text("")));
      return texts.get(anchor);
    }
    return [...node.childNodes].map(words).join(" ");
  };
  const textOf = (element) => {
    if (!texts.has(element)) {
      const summary = element.querySelector(":scope > summary");
      const parts = [summary ? summary.textContent : "", ...holders(element).map((h) => words(parsed(h)))];
      for (const part of all(":scope > .body, :scope > .story", element)) parts.push(words(part));
      texts.set(element, parts.join(" ").replace(/\s+/g, " ").toLowerCase());
    }
    return texts.get(element);
  };

  document.addEventListener("DOMContentLoaded", () => {
    const form = document.querySelector(".filters form");
    const groups = all("details.case").map((element) => ({
      element,
      topic: element.closest(".topic"),
      units: all(":scope > .unit", element).map((unit) => ({
        element: unit,
        keys: unit.dataset.k.split(" ").map((key) => key.split(".")),
      })),
    }));
    const matrix = document.querySelector(".matrix");
    const cells = all("[data-u]").map((link) => [link, link.dataset.u.split(" ")]);
    const rows = all(".matrix tr[data-case]");

    // -- language and appearance ---------------------------------------------------------------------
    const speak = (language) => {
      root.dataset.lang = root.lang = language;
      document.getElementById(`lang-${language}`).checked = true;
      for (const element of all("[data-en]")) element.textContent = element.dataset[language];
    };

    // -- filters -------------------------------------------------------------------------------------
    const chosen = () => FACETS.map((name) => form.elements[name]);
    const matches = (unit, group, wanted, words) => {
      if (wanted.some(Boolean)) {
        const fits = (key) => wanted.every((want, place) => !want || key[place] === want);
        if (!unit.keys.some(fits)) return false;
      }
      if (!words.length) return true;
      const own = textOf(unit.element);
      return words.every((word) => own.includes(word) || textOf(group.element).includes(word));
    };
    const filter = () => {
      // Facets are numbered as their options are; the first option is "any".
      const wanted = chosen().map((s) => (s.selectedIndex > 0 ? String(s.selectedIndex - 1) : ""));
      const words = form.elements.q.value.toLowerCase().split(/\s+/).filter(Boolean);
      const shown = new Set();
      const topics = new Set();
      for (const group of groups) {
        let some = false;
        for (const unit of group.units) {
          const fits = matches(unit, group, wanted, words);
          unit.element.hidden = !fits;
          if (fits) { some = true; shown.add(unit.element.id); }
        }
        group.element.hidden = !some;
        if (some) topics.add(group.topic);
      }
      for (const topic of all(".topic")) topic.hidden = !topics.has(topic);
      for (const [link, ids] of cells) link.classList.toggle("dim", !ids.some((id) => shown.has(id)));
      const gone = new Set(groups.filter((g) => g.element.hidden).map((g) => g.element.id));
      for (const row of rows) row.hidden = gone.has(row.dataset.case);
      for (const body of all(".matrix tbody")) body.hidden = all("tr[data-case]", body).every((r) => r.hidden);
      matrix?.classList.toggle("filtered", wanted.some(Boolean) || words.length > 0);
      for (const count of all(".shown .count")) count.textContent = shown.size;
      for (const field of [...chosen(), form.elements.q]) field.classList.toggle("active", field.value !== "");
      document.getElementById("nothing").hidden = shown.size > 0;
    };

    // -- the address: #lang=ja&verdict=surprise&q=words, or #anchor --------------------------------------
    const remember = () => {
      const state = new URLSearchParams();
      if (root.dataset.lang !== preferred) state.set("lang", root.dataset.lang);
      const theme = document.querySelector("input[name=theme]:checked").value;
      if (theme !== "auto") state.set("theme", theme);
      for (const field of [...chosen(), form.elements.q]) if (field.value) state.set(field.name, field.value);
      history.replaceState(null, "", `#${state}`);
    };
    const recall = (hash) => {
      const state = new URLSearchParams(hash);
      const language = state.get("lang");
      if (language === "en" || language === "ja") speak(language);
      const theme = document.getElementById(`theme-${state.get("theme")}`);
      if (theme) theme.checked = true;
      for (const field of [...chosen(), form.elements.q]) {
        field.value = state.get(field.name) ?? "";
        if (field.selectedIndex === -1) field.selectedIndex = 0;
      }
      filter();
    };
    const reveal = (anchor) => {
      const outer = document.getElementById(anchor.split("-")[0]);
      if (outer && outer.matches("details")) open(outer);
      const target = document.getElementById(anchor);
      if (!target) return false;
      for (let e = target; e; e = e.parentElement) {
        if (e.matches("details")) open(e);
        e.hidden = false;
      }
      target.scrollIntoView({ block: "start" });
      const focused = target.matches("details") ? target.querySelector("summary") : target;
      focused.focus({ preventScroll: true });
      return true;
    };
    const go = () => {
      const hash = decodeURI(location.hash.slice(1));
      if (hash.includes("=") || !hash) recall(location.hash.slice(1));
      else reveal(hash);
    };

    const preferred = (navigator.language || "en").toLowerCase().startsWith("ja") ? "ja" : "en";
    speak(preferred);
    for (const details of all("details[open]")) fill(details);
    filter();
    go();
    addEventListener("hashchange", go);
    document.addEventListener("toggle", (event) => { if (event.target.open) fill(event.target); }, true);
    form.addEventListener("submit", (event) => event.preventDefault());
    let typed;
    form.addEventListener("input", () => {
      clearTimeout(typed);
      typed = setTimeout(() => { filter(); remember(); }, MS_OF_REST);
    });
    form.addEventListener("reset", () => setTimeout(() => { filter(); remember(); }));
    for (const input of all("input[name=lang]")) {
      input.addEventListener("change", () => { speak(input.value); remember(); });
    }
    for (const input of all("input[name=theme]")) input.addEventListener("change", remember);
    document.addEventListener("click", (event) => {
      const link = event.target.closest("a[data-filter]");
      if (!link) return;
      event.preventDefault();
      form.reset();
      form.elements[link.dataset.filter].value = link.hash.split("=")[1];
      setTimeout(() => {
        form.elements[link.dataset.filter].value = link.hash.split("=")[1];
        filter();
        remember();
        document.getElementById("cases").scrollIntoView();
      });
    });

    // -- many at once: by hand, and for paper --------------------------------------------------------------
    const visible = () => [
      ...groups.filter((g) => !g.element.hidden).map((g) => g.element),
      ...groups.flatMap((g) => g.units.map((u) => u.element)).filter((u) => !u.hidden),
    ];
    const warn = document.getElementById("too-many");
    document.getElementById("open-all").addEventListener("click", () => {
      const found = visible();
      warn.hidden = found.length <= MOST_OPENED;
      if (warn.hidden) found.forEach(open);
    });
    document.getElementById("close-all").addEventListener("click", () => {
      warn.hidden = true;
      for (const details of all("#cases details[open]")) details.open = false;
    });
    addEventListener("beforeprint", () => {
      const found = visible();
      if (found.length <= MOST_OPENED) found.forEach(open);
    });
    root.dataset.ready = "";
  });
})();
