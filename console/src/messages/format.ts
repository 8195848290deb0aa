// Times, numbers and lists as the reader's language writes them.
import { useMemo } from "react";

import { useLanguage } from "./index";

const UNITS: [Intl.RelativeTimeFormatUnit, number][] = [
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
];

/** The number of a day of the calendar, where the reader is. */
function dayOf(time: string | number): number {
  const date = new Date(time);
  return Date.UTC(date.getFullYear(), date.getMonth(), date.getDate()) / 86_400_000;
}

export function useFormat() {
  const { language } = useLanguage();
  return useMemo(() => {
    // English dates are written in several ways: the browser says which.
    const region = navigator.languages.find((tag) => tag.split("-")[0] === language) ?? language;
    const number = new Intl.NumberFormat(region);
    const date = new Intl.DateTimeFormat(region, { dateStyle: "medium" });
    const dateTime = new Intl.DateTimeFormat(region, { dateStyle: "medium", timeStyle: "short" });
    const exact = new Intl.DateTimeFormat(region, { dateStyle: "full", timeStyle: "long" });
    const relative = new Intl.RelativeTimeFormat(language, { numeric: "auto" });
    const list = new Intl.ListFormat(language, { type: "conjunction" });
    return {
      number: (value: number) => number.format(value),
      /** "29 Nov 2026" */
      date: (time: string | Date) => date.format(new Date(time)),
      /** "29 Nov 2026, 04:43" */
      dateTime: (time: string | Date) => dateTime.format(new Date(time)),
      /** With the day of the week, the seconds and the time zone. */
      exact: (time: string | Date) => exact.format(new Date(time)),
      /** "2 hours ago", "in 3 days" */
      relative: (time: string, now: number) => {
        const seconds = Math.round((new Date(time).getTime() - now) / 1000);
        // Seconds pass while one reads, and two clocks differ by some: "now" is exact enough.
        const [unit, size] = UNITS.find(([, size]) => Math.abs(seconds) >= size) ?? ["second", Infinity];
        // "Yesterday" is a day of the calendar.
        return relative.format(unit === "day" ? dayOf(time) - dayOf(now) : Math.trunc(seconds / size), unit);
      },
      /** "Ada, Laura and Peter" */
      list: (items: string[]) => list.format(items),
    };
  }, [language]);
}
