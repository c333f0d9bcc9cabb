// CodeMirror as the dashboard uses it, all of it in one chunk that is loaded when an editor is shown. It lives in a shadow
// root: there its styles are constructed style sheets, which need no exception in the page's policy.
import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap } from '@codemirror/autocomplete';
import { defaultKeymap, history, historyKeymap, indentWithTab } from '@codemirror/commands';
import { bracketMatching, indentOnInput, indentUnit } from '@codemirror/language';
import { lintGutter, lintKeymap, linter, setDiagnostics, type Diagnostic } from '@codemirror/lint';
import { MergeView, unifiedMergeView } from '@codemirror/merge';
import { highlightSelectionMatches, searchKeymap } from '@codemirror/search';
import { Compartment, EditorState, type Extension } from '@codemirror/state';
import { drawSelection, EditorView, highlightActiveLine, highlightActiveLineGutter, keymap, lineNumbers } from '@codemirror/view';
import { complete } from './complete';
import { rhai } from './rhai';

export interface Place {
	line?: number | null;
	column?: number | null;
	message: string;
}

const look = EditorView.theme({
	'&': { height: '100%', fontSize: '13px', color: 'var(--text)', backgroundColor: 'var(--panel)' },
	'&.cm-focused': { outline: 'none' },
	'.cm-scroller': { fontFamily: 'var(--mono)', lineHeight: '1.6', overflow: 'auto' },
	'.cm-content': { padding: '10px 0', caretColor: 'var(--text)' },
	'.cm-line': { padding: '0 14px 0 8px' },
	'.cm-gutters': { backgroundColor: 'var(--panel)', color: 'var(--muted)', border: 'none', paddingLeft: '6px' },
	'.cm-lineNumbers .cm-gutterElement': { minWidth: '28px' },
	'.cm-activeLine': { backgroundColor: 'color-mix(in srgb, var(--accent) 6%, transparent)' },
	'.cm-activeLineGutter': { backgroundColor: 'transparent', color: 'var(--text)' },
	'.cm-cursor': { borderLeftColor: 'var(--text)' },
	'.cm-selectionBackground, &.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground': {
		backgroundColor: 'color-mix(in srgb, var(--accent) 24%, transparent)'
	},
	'.cm-selectionMatch': { backgroundColor: 'color-mix(in srgb, var(--warn) 20%, transparent)' },
	'&.cm-focused .cm-matchingBracket': { backgroundColor: 'color-mix(in srgb, var(--ok) 25%, transparent)' },
	'.cm-tooltip': {
		border: '1px solid var(--line)',
		borderRadius: '8px',
		backgroundColor: 'var(--panel)',
		color: 'var(--text)',
		boxShadow: 'var(--shadow)'
	},
	// As long as CodeMirror's own selectors: shorter ones say nothing against them.
	'.cm-tooltip.cm-tooltip-autocomplete > ul': {
		fontFamily: 'var(--mono)',
		fontSize: '12.5px',
		maxHeight: '16em',
		borderRadius: '7px'
	},
	'.cm-tooltip.cm-tooltip-autocomplete > ul > li': { padding: '3px 10px', lineHeight: '1.5' },
	'.cm-tooltip.cm-tooltip-autocomplete > ul > li[aria-selected]': { backgroundColor: 'var(--accent-soft)', color: 'var(--text)' },
	'.cm-completionDetail': { color: 'var(--muted)', fontStyle: 'normal', marginLeft: '10px' },
	'.cm-tooltip.cm-completionInfo': { padding: '10px 12px', maxWidth: '26rem', fontFamily: 'var(--sans)', fontSize: '13px' },
	'.cm-completionInfo p': { margin: '6px 0' },
	'.cm-completionInfo code, .cm-completionInfo pre': {
		fontFamily: 'var(--mono)',
		fontSize: '12px',
		margin: '0',
		whiteSpace: 'pre-wrap'
	},
	'.cm-completionInfo pre': { color: 'var(--muted)' },
	'.cm-diagnostic': { padding: '6px 10px', fontFamily: 'var(--sans)' },
	'.cm-diagnostic-error': { borderLeft: '3px solid var(--bad)' },
	'.cm-lintRange-error': { backgroundImage: 'none', textDecoration: 'underline wavy var(--bad)', textUnderlineOffset: '3px' },
	'.cm-lintPoint-error::after': { borderBottomColor: 'var(--bad)' },
	'.cm-panels': { backgroundColor: 'var(--sunken)', color: 'var(--text)', borderColor: 'var(--line)' },
	'.cm-textfield, .cm-button': {
		backgroundColor: 'var(--panel)',
		backgroundImage: 'none',
		color: 'var(--text)',
		border: '1px solid var(--line-strong)',
		borderRadius: '4px'
	},
	'.cm-failed': { backgroundColor: 'var(--bad-soft)' },
	'&.cm-merge-a .cm-changedLine, .cm-deletedChunk': { backgroundColor: 'var(--bad-soft)' },
	'&.cm-merge-b .cm-changedLine': { backgroundColor: 'var(--ok-soft)' },
	'&.cm-merge-a .cm-changedText': { background: 'color-mix(in srgb, var(--bad) 25%, transparent)' },
	'.cm-deletedText': { background: 'color-mix(in srgb, var(--bad) 25%, transparent)' },
	'&.cm-merge-b .cm-changedText': { background: 'color-mix(in srgb, var(--ok) 25%, transparent)' },
	'.cm-collapsedLines:before, .cm-collapsedLines:after': { content: '"⋯"' },
	'.cm-collapsedLines': { backgroundColor: 'var(--sunken)', backgroundImage: 'none', color: 'var(--muted)', padding: '4px 12px' },
	'.cm-changeGutter': { width: '3px' }
});

/** What is typed over a selection goes through the state, and the page is drawn from that. Left to the browser, Chromium gives the text the
 * look of what it replaces, by an inline style, which the page's policy refuses. A composition is the browser's all the same. */
const typedOver = EditorView.domEventHandlers({
	beforeinput(event, view) {
		const { data, inputType, isComposing } = event;
		const { main } = view.state.selection;
		if (inputType !== 'insertText' || !data || isComposing || view.composing || main.empty || view.state.readOnly) return false;
		const insert = () => view.state.update(view.state.replaceSelection(data), { userEvent: 'input.type', scrollIntoView: true });
		// They close brackets, or put them around what is selected.
		const handlers = view.state.facet(EditorView.inputHandler);
		if (!handlers.some((handles) => handles(view, main.from, main.to, data, insert))) view.dispatch(insert());
		return true;
	}
});

const basics: Extension = [lineNumbers(), rhai(), indentUnit.of('    '), EditorState.tabSize.of(4), look];

export interface Editor {
	text(): string;
	/** Another text in place of the one that is there, which can be undone. */
	replace(text: string): void;
	readOnly(yes: boolean): void;
	show(problems: readonly Place[]): void;
	go(line: number, column?: number | null): void;
	destroy(): void;
}

export function edit(
	root: ShadowRoot,
	options: {
		text: string;
		label: string;
		readOnly: boolean;
		onchange: (text: string) => void;
		onsave: () => void;
		onrun: () => void;
	}
): Editor {
	const locked = new Compartment();
	const lock = (yes: boolean) => [EditorState.readOnly.of(yes), EditorView.editable.of(!yes)];
	const command = (act: () => void) => () => (act(), true);
	const view = new EditorView({
		parent: root,
		root,
		state: EditorState.create({
			doc: options.text,
			extensions: [
				keymap.of([
					{ key: 'Mod-s', run: command(options.onsave), preventDefault: true },
					{ key: 'Mod-Enter', run: command(options.onrun), preventDefault: true }
				]),
				basics,
				history(),
				drawSelection(),
				highlightActiveLine(),
				highlightActiveLineGutter(),
				highlightSelectionMatches(),
				bracketMatching(),
				closeBrackets(),
				typedOver,
				indentOnInput(),
				lintGutter(),
				linter(null),
				autocompletion({ override: [complete], icons: false }),
				// Tab indents; Escape and then Tab leaves, as CodeMirror has it.
				keymap.of([
					...closeBracketsKeymap,
					...defaultKeymap,
					...searchKeymap,
					...historyKeymap,
					...completionKeymap,
					...lintKeymap,
					indentWithTab
				]),
				EditorView.contentAttributes.of({
					'aria-label': options.label,
					// Also where it cannot be written in, so that it can be scrolled.
					tabindex: '0',
					spellcheck: 'false',
					autocapitalize: 'off',
					autocorrect: 'off'
				}),
				locked.of(lock(options.readOnly)),
				EditorView.updateListener.of((update) => {
					if (update.docChanged) options.onchange(update.state.doc.toString());
				})
			]
		})
	});
	return {
		text: () => view.state.doc.toString(),
		replace: (text) => view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text } }),
		readOnly: (yes) => view.dispatch({ effects: locked.reconfigure(lock(yes)) }),
		show: (problems) =>
			view.dispatch(
				setDiagnostics(
					view.state,
					problems.map((problem) => diagnostic(view.state, problem))
				)
			),
		go: (line, column) => {
			const at = position(view.state, line, column);
			view.dispatch({ selection: { anchor: at }, effects: EditorView.scrollIntoView(at, { y: 'center' }) });
			view.focus();
		},
		destroy: () => view.destroy()
	};
}

/** Columns of the API count characters, those of the editor UTF-16 units. */
function position(state: EditorState, lineNumber: number, column: number | null | undefined): number {
	const line = state.doc.line(Math.min(Math.max(1, lineNumber), state.doc.lines));
	const before = [...line.text].slice(0, Math.max(0, (column ?? 1) - 1)).join('').length;
	return Math.min(line.from + before, line.to);
}

function diagnostic(state: EditorState, { line, column, message }: Place): Diagnostic {
	if (!line) return { from: 0, to: 0, severity: 'error', message };
	const from = position(state, line, column);
	const word = /^[\p{L}\p{N}_]+/u.exec(state.sliceDoc(from, Math.min(from + 100, state.doc.length)));
	const to = Math.min(from + (word?.[0].length ?? 1), state.doc.lineAt(from).to);
	return { from, to: Math.max(from, to), severity: 'error', message };
}

/** Two texts as they differ: side by side, or, where that is too narrow, one in the other. */
export function compare(root: ShadowRoot, before: string, after: string, narrow: boolean): { destroy(): void } {
	const fixed = [basics, EditorState.readOnly.of(true), EditorView.editable.of(false), EditorView.lineWrapping];
	const collapseUnchanged = { margin: 3, minSize: 6 };
	if (narrow)
		return new EditorView({
			parent: root,
			root,
			doc: after,
			extensions: [
				fixed,
				unifiedMergeView({ original: before, mergeControls: false, collapseUnchanged }),
				EditorView.contentAttributes.of({ 'aria-label': 'What differs', tabindex: '0' })
			]
		});
	return new MergeView({
		parent: root,
		root,
		a: { doc: before, extensions: [fixed, EditorView.contentAttributes.of({ 'aria-label': 'Before', tabindex: '0' })] },
		b: { doc: after, extensions: [fixed, EditorView.contentAttributes.of({ 'aria-label': 'After', tabindex: '0' })] },
		collapseUnchanged,
		gutter: true
	});
}
