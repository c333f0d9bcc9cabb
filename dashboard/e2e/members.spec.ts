// Who may do what in an app: added, invited, removed, and what is not offered to whom.
import type { Page } from '@playwright/test';
import { ADMIN } from './support/server';
import { pages, seed, SHOP } from './support/seed';
import { expect, test } from './support/test';

test('a user is added, given another role and removed', async ({ api, enter, another, expected }) => {
	await api.app('elsewhere');
	const nora = await api.user('nora', 'elsewhere', 'viewer');
	await api.app('house');
	const page = await enter('/apps/house/members');
	const dialog = page.getByRole('dialog');
	expected.statuses.push(404);
	await page.getByRole('button', { name: 'Add a user' }).click();
	await dialog.getByLabel('User name').fill('nobody-here');
	await dialog.getByRole('button', { name: /^Add|^Save|^Invite/ }).click();
	await expect(dialog.getByRole('alert')).toBeVisible();
	await dialog.getByLabel('User name').fill('nora');
	await dialog.getByLabel('Role').selectOption('owner');
	await page.keyboard.press('Enter');
	const row = page.getByRole('row', { name: /nora/ });
	await expect(row).toBeVisible();

	const hers = await another('/apps/house/settings', nora);
	await expect(hers.getByRole('button', { name: 'Delete the app' })).toBeVisible();
	await page.getByLabel('Role of nora').selectOption('editor');
	await expect(page.getByText('nora is an editor now.')).toBeVisible();
	await hers.reload();
	await expect(hers.getByText('You may look; an owner of the app may change it.')).toBeVisible();
	await expect(hers.getByRole('button', { name: 'Delete the app' })).toHaveCount(0);

	await row.getByRole('button', { name: 'Remove nora' }).click();
	await dialog.getByRole('button', { name: 'Remove' }).click();
	await expect(row).toHaveCount(0);
	await hers.reload();
	await expect(hers.getByText('There is no such app, or you are no member of it')).toBeVisible();
});

test('an invitation is made, revoked, and another one taken: by a new user, and by one who is there', async ({
	api,
	enter,
	another,
	expected
}) => {
	await api.app('club');
	const page = await enter('/apps/club/members');
	const invite = async (role: string): Promise<string> => {
		await page.getByRole('button', { name: 'Invite by link' }).click();
		await page.getByRole('dialog').getByLabel('Role').selectOption(role);
		await page.getByRole('dialog').getByRole('button', { name: 'Make the link' }).click();
		const link = page.getByRole('dialog', { name: 'Invitation' });
		const url = await link.locator('pre').textContent();
		await link.getByRole('button', { name: 'Close' }).click();
		return new URL(url!).href.replace(api.manager, '');
	};
	const open = page.getByRole('row', { name: /ada in 7 days/ });

	const revoked = await invite('owner');
	await expect(open).toHaveCount(1);
	await open.getByRole('button', { name: /^Revoke/ }).click();
	await expect(open).toHaveCount(0);
	expected.statuses.push(401, 403, 404, 409, 410, 422);
	const late = await another(revoked);
	await late.getByLabel('User name').fill('late');
	await late.getByLabel('Password', { exact: true }).fill(ADMIN.password);
	await late.getByLabel('The password again').fill(ADMIN.password);
	await late.getByRole('button', { name: 'Accept the invitation' }).click();
	await expect(late.getByRole('alert')).toBeVisible();

	const fresh = await another(await invite('editor'));
	await fresh.getByLabel('User name').fill('nils');
	await fresh.getByLabel('Password', { exact: true }).fill(ADMIN.password);
	await fresh.getByLabel('The password again').fill(ADMIN.password);
	await fresh.getByRole('button', { name: 'Accept the invitation' }).click();
	await expect(fresh.getByRole('heading', { name: 'club', level: 1 })).toBeVisible();
	await expect(fresh.getByRole('link', { name: 'New script' })).toBeVisible();

	await api.app('other-club');
	const olga = await api.user('olga', 'other-club', 'viewer');
	const known = await another(await invite('viewer'), olga);
	await known.getByRole('button', { name: 'Accept as the user who is signed in' }).click();
	await expect(known.getByRole('heading', { name: 'club', level: 1 })).toBeVisible();
	await page.reload();
	await expect(page.getByLabel('Role of nils')).toHaveValue('editor');
	await expect(page.getByLabel('Role of olga')).toHaveValue('viewer');

	// And one leaves by oneself.
	await known.getByRole('link', { name: 'Members' }).click();
	await known.getByRole('row', { name: /olga/ }).getByRole('button', { name: 'Leave' }).click();
	await known.getByRole('dialog').getByRole('button', { name: 'Leave' }).click();
	await expect(known.getByRole('heading', { name: 'Apps', level: 1 })).toBeVisible();
	await page.reload();
	await expect(page.getByLabel('Role of nils')).toBeVisible();
	await expect(page.getByLabel('Role of olga')).toHaveCount(0);
});

/** What a viewer uses on a page, by its accessible name: to look, to find, to copy. Everything else that is enabled there changes something. */
const LOOKS =
	/^(Copy .*|Compare( \d+)?|Look( .*)?|More|Earlier lines|Live|Paused|Pause|Go on|Hour|Day|Week|Month|To line .*|order:\d+|orders|views|Leave|Find .*|(Keys|Paths) that begin with|Download .*|Deliveries (of|that are)|Newer|Older|Text.*|Script|Status|Outcome|Started by|Time|Least level|Try again|Pages|Source of .*|Headers.*|Close)$/;

async function changes(page: Page): Promise<string[]> {
	const controls = page
		.getByRole('main')
		.locator('button:enabled, input:enabled:not([readonly]), select:enabled, textarea:enabled:not([readonly])');
	const names = await controls.evaluateAll((elements) =>
		elements
			.filter((element) => element.checkVisibility())
			.map((element) => {
				const control = element as HTMLInputElement;
				return (
					control.getAttribute('aria-label') ?? control.labels?.[0]?.textContent?.trim() ?? control.textContent?.trim() ?? ''
				);
			})
	);
	return names.filter((name) => !LOOKS.test(name));
}

test('to a viewer no page offers a change, and the server refuses each', async ({ api, another, expected }) => {
	const { failed, fine } = await seed(api);
	const wim = await api.user('wim', SHOP, 'viewer');
	const page = await another(`/apps/${SHOP}`, wim);
	const offered: string[] = [];
	let looked = 0;
	for (const [name, path, shows] of pages(failed, fine)) {
		if (!path.startsWith(`/apps/${SHOP}`) || ['audit', 'new-script'].includes(name)) continue;
		await page.goto(api.manager + path);
		// Not before what there is to change is there.
		const first =
			{
				settings: 'Fuel of one invocation',
				schedules: '0 7 * * 1',
				versions: 'Version',
				releases: 'Deployed'
			}[name] ?? shows;
		await expect(page.getByText(first).filter({ visible: true }).first(), name).toBeVisible();
		await expect(page.locator('[aria-busy="true"]')).toHaveCount(0);
		if (name === 'kv') {
			await page.getByRole('button', { name: 'order:1', exact: true }).click();
			await expect(page.getByLabel('Value, as JSON')).not.toHaveValue('');
		}
		offered.push(...(await changes(page)).map((control) => `${name}: ${control}`));
		looked += 1;
	}
	expect(offered).toEqual([]);
	expect(looked).toBeGreaterThan(15);
	// Of what is found by this, an owner has plenty: the look itself looks.
	const mine = await another(`/apps/${SHOP}/schedules`, api);
	await expect(mine.getByText('0 7 * * 1')).toBeVisible();
	expect(await changes(mine)).toContain('Run now: report, 0 7 * * 1 UTC');

	expected.statuses.push(403);
	for (const [path, told] of [
		['audit', 'For the app’s owners'],
		['new', 'An editor of the app can write one']
	] as const) {
		await page.goto(`${api.manager}/apps/${SHOP}/${path}`);
		await expect(page.getByText(told)).toBeVisible();
		expect(await changes(page), path).toEqual([]);
	}
	await expect(page.getByRole('navigation', { name: 'App' }).getByRole('link', { name: 'Audit log' })).toHaveCount(0);
	await page.goto(`${api.manager}/server`);
	await expect(page.getByText('For administrators of this server')).toBeVisible();
	await expect(wim.send('DELETE', `/apps/${SHOP}/scripts/report`)).rejects.toThrow(/403/);
});
