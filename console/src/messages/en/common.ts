// Words that all pages share.
import { plurals } from "../plural";

const plural = plurals("en");

export const common = {
  loading: "Loading …",
  tryAgain: "Try again",
  close: "Close",
  cancel: "Cancel",
  save: "Save",
  optional: "optional",
  all: "all",
  copy: "Copy",
  copied: "Copied",
  copyFailed: "Your browser did not allow it. Select the text and copy it.",
  showLink: "Show the link",
  linkGone: "The link no longer works, or you may not see it.",
  showLinkHint: "The event log records who has seen it.",
  copyLink: "Copy the link",
  pages: "Pages of the list",
  previous: "Previous",
  next: "Next",
  filters: "Filters",
  filtersUsed: (count: number) => (count ? `Filters (${count})` : "Filters"),
  clearFilters: "Clear filters",
  clearSearch: "Clear the search",
  selectAll: "Select all on this page",
  selectOne: (name: string) => `Select ${name}`,
  selected: (count: number) => plural(count, { one: "# selected", other: "# selected" }),
  clearSelection: "Clear selection",
  sortedAscending: "sorted ascending",
  sortedDescending: "sorted descending",
  sortBy: "Sort by",
  showMore: "Show more",
  notFoundTitle: "This page does not exist",
  notFound: "The address may have a typo, what was here may have been deleted, or you may not be allowed to see it.",
  needsPermission: (permission: string) => `You do not have the permission for this (${permission}).`,
};
