/** On every page: the choice of language, kept for the next page where the browser keeps anything. */

const languages = document.querySelector(".languages");

const chosen = (): string => document.querySelector<HTMLInputElement>("[name=language]:checked")?.value ?? "vi";

const apply = (): void => {
  document.documentElement.lang = chosen();
};

function storage<Kept>(use: (store: Storage) => Kept): Kept | null {
  try {
    return use(localStorage);
  } catch {
    return null; // blocked by the user: then every page begins in Vietnamese
  }
}

const english = document.querySelector<HTMLInputElement>("#language-en");
if (english !== null && storage((store) => store.getItem("language")) === "en") english.checked = true;
apply();
languages?.addEventListener("change", () => {
  apply();
  storage((store) => store.setItem("language", chosen()));
});
