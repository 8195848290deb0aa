// The fields of forms. Inside of a `Form`, a field with a `name` shows what the server says against it.
import { useId, type ReactNode } from "react";
import * as Aria from "react-aria-components";

import { useMessages } from "../messages";
import { useFieldErrors } from "./form";
import { Icon } from "./Icon";

interface FieldProps {
  /** The name in the mutation's input. */
  name?: string;
  label: string;
  hint?: ReactNode;
  /** Says beside the label that it may stay empty. */
  optional?: boolean;
}

function Label({ label, optional, id }: Pick<FieldProps, "label" | "optional"> & { id?: string }) {
  const { common } = useMessages();
  return (
    <Aria.Label>
      <span id={id}>{label}</span> {optional && <span className="quiet">({common.optional})</span>}
    </Aria.Label>
  );
}

function Below({ hint, messages }: { hint?: ReactNode; messages: string[] }) {
  return (
    <>
      {hint && (
        <Aria.Text slot="description" className="hint">
          {hint}
        </Aria.Text>
      )}
      <Aria.FieldError className="error">{messages.join(" ")}</Aria.FieldError>
    </>
  );
}

interface TextFieldProps extends FieldProps {
  value: string;
  onChange(value: string): void;
  type?: "text" | "email" | "search" | "date";
  /** How many lines are shown; more than one makes it a field for longer texts. */
  lines?: number;
  maxLength?: number;
  autoFocus?: boolean;
  isReadOnly?: boolean;
  placeholder?: string;
}

export function TextField({ name, label, hint, optional, lines = 1, placeholder, ...field }: TextFieldProps) {
  const messages = useFieldErrors(name);
  return (
    <Aria.TextField
      {...field}
      name={name}
      className="field"
      isInvalid={messages.length > 0}
      validationBehavior="aria"
      autoComplete="off"
      spellCheck="false"
    >
      <Label label={label} optional={optional} />
      {lines > 1 ? <Aria.TextArea rows={lines} placeholder={placeholder} /> : <Aria.Input placeholder={placeholder} />}
      <Below hint={hint} messages={messages} />
    </Aria.TextField>
  );
}

export interface Option<Value extends string> {
  value: Value;
  label: string;
  hint?: ReactNode;
  /** Why it cannot be chosen. */
  why?: string | false;
  /** What it stands below, with those beside it that have the same. */
  group?: string;
}

/** What is read out of a select is what it is for, and then what is chosen. */
export function useSelectIds() {
  const id = useId();
  return { label: `${id}-label`, value: `${id}-value`, labelAndValue: `${id}-label ${id}-value` };
}

interface SelectProps<Value extends string> extends FieldProps {
  options: readonly Option<Value>[];
  value: Value;
  onChange(value: Value): void;
}

/** One of a few. */
export function Select<Value extends string>({ name, label, hint, optional, options, value, onChange }: SelectProps<Value>) {
  const messages = useFieldErrors(name);
  const ids = useSelectIds();
  return (
    <Aria.Select
      className="field"
      value={value}
      onChange={(key) => onChange(key as Value)}
      isInvalid={messages.length > 0}
      validationBehavior="aria"
    >
      <Label id={ids.label} label={label} optional={optional} />
      <Aria.Button className="select" aria-labelledby={ids.labelAndValue}>
        <span id={ids.value}>
          <Aria.SelectValue />
        </span>
        <Icon name="down" />
      </Aria.Button>
      <Below hint={hint} messages={messages} />
      <Options options={options} />
    </Aria.Select>
  );
}

interface MultiSelectProps<Value extends string> {
  label: string;
  options: readonly Option<Value>[];
  values: readonly Value[];
  onChange(values: Value[]): void;
}

/** Any number of several: for filters. None means that it does not matter. */
export function MultiSelect<Value extends string>({ label, options, values, onChange }: MultiSelectProps<Value>) {
  const { common } = useMessages();
  const ids = useSelectIds();
  return (
    <Aria.Select className="field" selectionMode="multiple" value={values} onChange={(keys) => onChange(keys as Value[])}>
      <Aria.Label>
        <span id={ids.label}>{label}</span>
      </Aria.Label>
      <Aria.Button className="select" aria-labelledby={ids.labelAndValue}>
        <span id={ids.value}>
          <Aria.SelectValue>
            {values.length === 0
              ? common.all
              : values.map((value) => options.find((option) => option.value === value)?.label ?? value).join(", ")}
          </Aria.SelectValue>
        </span>
        <Icon name="down" />
      </Aria.Button>
      <Options options={options} />
    </Aria.Select>
  );
}

function Options<Value extends string>({ options }: { options: readonly Option<Value>[] }) {
  const groups = [...new Set(options.map(({ group }) => group))];
  return (
    <Aria.Popover className="popover">
      <Aria.ListBox className="menu">
        {groups.map((group) => {
          const items = options
            .filter((option) => option.group === group)
            .map(({ value, label, hint }) => <Item key={value} value={value} label={label} hint={hint} />);
          if (!group) return items;
          return (
            <Aria.ListBoxSection key={group}>
              <Aria.Header className="menu-head">{group}</Aria.Header>
              {items}
            </Aria.ListBoxSection>
          );
        })}
      </Aria.ListBox>
    </Aria.Popover>
  );
}

function Item<Value extends string>({ value, label, hint }: Option<Value>) {
  return (
    <Aria.ListBoxItem className="menu-item" id={value} textValue={label}>
      <span>
        {label}
        {hint && <small>{hint}</small>}
      </span>
      <Icon name="check" />
    </Aria.ListBoxItem>
  );
}

interface CheckboxProps {
  children: ReactNode;
  /** In a group, which of its values it stands for; the group knows whether it is selected. */
  value?: string;
  isSelected?: boolean;
  onChange?(isSelected: boolean): void;
  isIndeterminate?: boolean;
  /** For one without a text of its own. */
  label?: string;
  hint?: ReactNode;
  /** Why it cannot be changed. */
  why?: string | false;
  /** A class besides `check`. */
  look?: "choice" | "permission";
}

export function Checkbox({ children, label, hint, why, look, ...checkbox }: CheckboxProps) {
  const ids = useOptionIds();
  return (
    // Read-only, where it may not be changed: unlike a disabled one, it can be reached, and read.
    <Aria.Checkbox
      {...checkbox}
      className={`check ${look ?? ""}`}
      aria-label={label}
      {...(children && ids.labelled(Boolean(hint || why)))}
      isReadOnly={Boolean(why)}
      data-off={Boolean(why) || undefined}
    >
      <span className="box" aria-hidden="true">
        <Icon name="check" />
      </span>
      {children && <OptionText ids={ids} label={children} hint={hint} why={why} />}
    </Aria.Checkbox>
  );
}

interface ChoicesProps<Value extends string> extends FieldProps {
  options: readonly Option<Value>[];
  values: readonly Value[];
  onChange(values: Value[]): void;
}

/** Any number of several, all in sight. One that may not be chosen says why. */
export function Choices<Value extends string>({ name, label, hint, optional, options, values, onChange }: ChoicesProps<Value>) {
  const messages = useFieldErrors(name);
  return (
    <Aria.CheckboxGroup
      className="field"
      value={[...values]}
      onChange={(keys) => onChange(keys as Value[])}
      isInvalid={messages.length > 0}
      validationBehavior="aria"
    >
      <OneBelowAnother label={label} hint={hint} optional={optional} messages={messages}>
        {options.map(({ value, label, hint, why }) => (
          <Checkbox key={value} value={value} look="choice" hint={hint} why={why}>
            {label}
          </Checkbox>
        ))}
      </OneBelowAnother>
    </Aria.CheckboxGroup>
  );
}

interface RadiosProps<Value extends string> extends FieldProps {
  options: readonly Option<Value>[];
  value: Value;
  onChange(value: Value): void;
}

/** One of a few, all in sight. One that may not be chosen says why. */
export function Radios<Value extends string>({ name, label, hint, optional, options, value, onChange }: RadiosProps<Value>) {
  const messages = useFieldErrors(name);
  // One that may not be chosen is not disabled: the keyboard reaches it, and it is read.
  const choose = (key: string) => {
    const option = options.find(({ value }) => value === key);
    if (option && !option.why) onChange(option.value);
  };
  return (
    <Aria.RadioGroup
      className="field"
      value={value}
      onChange={choose}
      isInvalid={messages.length > 0}
      validationBehavior="aria"
    >
      <OneBelowAnother label={label} hint={hint} optional={optional} messages={messages}>
        {options.map((option) => (
          <Radio key={option.value} {...option} />
        ))}
      </OneBelowAnother>
    </Aria.RadioGroup>
  );
}

function Radio({ value, ...option }: Option<string>) {
  const ids = useOptionIds();
  return (
    <Aria.Radio
      className="check choice"
      value={value}
      data-off={Boolean(option.why) || undefined}
      {...ids.labelled(Boolean(option.hint || option.why))}
    >
      <span className="box round" aria-hidden="true" />
      <OptionText ids={ids} label={option.label} hint={option.hint} why={option.why} />
    </Aria.Radio>
  );
}

function OneBelowAnother({ children, messages, hint, ...label }: FieldProps & { children: ReactNode; messages: string[] }) {
  return (
    <>
      <Label {...label} />
      {hint && (
        <Aria.Text slot="description" className="hint">
          {hint}
        </Aria.Text>
      )}
      <div className="choices">{children}</div>
      <Below messages={messages} />
    </>
  );
}

/** What is read out as the name of an option is its label alone; what stands below it describes it. */
function useOptionIds() {
  const id = useId();
  const ids = { label: `${id}-label`, more: `${id}-more` };
  const labelled = (hasMore: boolean) => ({ "aria-labelledby": ids.label, "aria-describedby": hasMore ? ids.more : undefined });
  return { ...ids, labelled };
}

interface OptionTextProps extends Pick<Option<string>, "hint" | "why"> {
  ids: { label: string; more: string };
  label: ReactNode;
}

function OptionText({ ids, label, hint, why }: OptionTextProps) {
  return (
    <span>
      <span id={ids.label}>{label}</span>
      {(hint || why) && (
        <span id={ids.more}>
          {hint && <small>{hint}</small>}
          {why && <small className="reason">{why}</small>}
        </span>
      )}
    </span>
  );
}
