import {
  autocompletion,
  type CompletionContext,
  closeBrackets,
  completionKeymap,
} from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { yaml } from "@codemirror/lang-yaml";
import { HighlightStyle, indentUnit, syntaxHighlighting } from "@codemirror/language";
import { type Diagnostic, setDiagnostics } from "@codemirror/lint";
import { EditorState } from "@codemirror/state";
import {
  drawSelection,
  EditorView,
  highlightActiveLine,
  hoverTooltip,
  keymap,
  lineNumbers,
} from "@codemirror/view";
import { tags } from "@lezer/highlight";
import { useEffect, useRef } from "react";
import { docsAt, fieldsAt, pathAt, type Schema } from "./configSchema";

export type Problem = { from: number; to: number; message: string };
type Props = {
  text: string;
  schema: Schema;
  problems: Problem[];
  onChange: (text: string) => void;
  onLaunch: () => void;
  onPlace: (docs: string) => void;
};

const COLOURS = HighlightStyle.define([
  { tag: [tags.propertyName, tags.definition(tags.propertyName)], color: "var(--accent)" },
  { tag: [tags.string, tags.content], color: "var(--text)" },
  { tag: [tags.number, tags.bool, tags.null], color: "var(--success)" },
  { tag: tags.comment, color: "var(--text-3)", fontStyle: "italic" },
  { tag: [tags.punctuation, tags.separator], color: "var(--text-3)" },
]);
const THEME = EditorView.theme({
  "&": { height: "100%", fontSize: "12px", backgroundColor: "var(--page)", color: "var(--text)" },
  ".cm-content, .cm-gutters": { fontFamily: '"Geist Mono Variable", monospace', lineHeight: "18px" },
  ".cm-gutters": {
    backgroundColor: "var(--band)",
    color: "var(--text-3)",
    borderRight: "1px solid var(--hairline)",
  },
  ".cm-cursor": { borderLeftColor: "var(--text)" },
  ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: "var(--band)" },
  "&.cm-focused .cm-selectionBackground, .cm-selectionBackground": {
    backgroundColor: "var(--selected) !important",
  },
  ".cm-tooltip": {
    backgroundColor: "var(--raised)",
    border: "1px solid var(--hairline)",
    color: "var(--text)",
  },
  ".cm-tooltip-autocomplete ul li[aria-selected]": {
    backgroundColor: "var(--selected)",
    color: "var(--text)",
  },
  ".cm-docs, .cm-diagnostic": { padding: "4px 8px", whiteSpace: "pre-wrap", maxWidth: "480px" },
  ".cm-lintRange-error": {
    backgroundImage: "none",
    borderBottom: "2px wavy var(--failure)",
    textDecoration: "underline wavy var(--failure)",
  },
});

/** The editor of a run config: completes and explains from the schema, marks what the server refuses. */
export function YamlEditor({ text, schema, problems, onChange, onLaunch, onPlace }: Props) {
  const host = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView>(null);
  const latest = useRef({ schema, onChange, onLaunch, onPlace });
  latest.current = { schema, onChange, onLaunch, onPlace };

  // biome-ignore lint/correctness/useExhaustiveDependencies: the editor is made once; what changes goes in below
  useEffect(() => {
    if (!host.current) return;
    const nonce = document.querySelector<HTMLMetaElement>('meta[name="csp-nonce"]')?.content ?? "";
    const editor = new EditorView({
      parent: host.current,
      state: EditorState.create({
        doc: text,
        extensions: [
          EditorView.cspNonce.of(nonce),
          lineNumbers(),
          history(),
          drawSelection(),
          highlightActiveLine(),
          closeBrackets(),
          indentUnit.of("  "),
          yaml(),
          syntaxHighlighting(COLOURS),
          THEME,
          autocompletion({ override: [(context) => complete(context, latest.current.schema)] }),
          hoverTooltip((editorView, position) => hover(editorView, position, latest.current.schema)),
          keymap.of([
            {
              key: "Mod-Enter",
              run: () => {
                latest.current.onLaunch();
                return true;
              },
            },
            ...completionKeymap,
            ...defaultKeymap,
            ...historyKeymap,
            indentWithTab,
          ]),
          EditorView.contentAttributes.of({ "aria-label": "run config as YAML" }),
          EditorView.updateListener.of((update) => {
            if (update.docChanged) latest.current.onChange(update.state.doc.toString());
            if (update.docChanged || update.selectionSet) {
              const { parent, own } = pathAt(update.state.doc.toString(), update.state.selection.main.head);
              const path = own ? [...parent, own] : parent;
              const docs = docsAt(latest.current.schema, path);
              latest.current.onPlace(path.length ? `${path.join(".")}\n${docs}` : "");
            }
          }),
        ],
      }),
    });
    view.current = editor;
    return () => editor.destroy();
  }, []);

  useEffect(() => {
    const editor = view.current;
    if (editor && editor.state.doc.toString() !== text) {
      editor.dispatch({ changes: { from: 0, to: editor.state.doc.length, insert: text } });
    }
  }, [text]);
  useEffect(() => {
    const editor = view.current;
    if (!editor) return;
    const length = editor.state.doc.length;
    const found = problems.map(
      (problem): Diagnostic => ({
        from: Math.min(problem.from, length),
        to: Math.min(Math.max(problem.to, problem.from), length),
        severity: "error",
        message: problem.message,
      }),
    );
    editor.dispatch(setDiagnostics(editor.state, found));
  }, [problems]);
  return <div ref={host} className="editor" />;
}

function complete(context: CompletionContext, schema: Schema) {
  const word = context.matchBefore(/[\w-]*/);
  if (!word || (word.from === word.to && !context.explicit)) return null;
  const line = context.state.doc.lineAt(context.pos);
  if (line.text.slice(0, word.from - line.from).trim() !== "") return null;
  const { parent } = pathAt(context.state.doc.toString(), context.pos);
  return {
    from: word.from,
    options: fieldsAt(schema, parent).map((field) => ({
      label: field.name,
      type: "property",
      detail: field.isRequired ? "required" : "",
      info: docsAt(schema, [...parent, field.name]) || undefined,
      boost: field.isRequired ? 1 : 0,
      apply: `${field.name}: `,
    })),
  };
}

function hover(view: EditorView, position: number, schema: Schema) {
  const { parent, own } = pathAt(view.state.doc.toString(), position);
  const docs = own ? docsAt(schema, [...parent, own]) : "";
  if (!docs) return null;
  return {
    pos: position,
    create: () => {
      const dom = document.createElement("div");
      dom.className = "cm-docs";
      dom.textContent = docs;
      return { dom };
    },
  };
}
