// Variables and secrets.
import { expect, test } from './support/test';

test('a variable is made, changed and deleted', async ({ api, enter, expected }) => {
	await api.app('vars');
	await api.script('vars', 'show', '"" + vars::get("REGION")', { routes: ['GET /show'] });
	const shown = async () => (await api.call('vars', '/show')).text();
	const page = await enter('/apps/vars/config');
	await page.getByRole('button', { name: 'New variable' }).click();
	const dialog = page.getByRole('dialog');
	expected.statuses.push(422);
	await dialog.getByLabel('Name').fill('not a name');
	await dialog.getByLabel('Value').fill('eu');
	await dialog.getByRole('button', { name: 'Save' }).click();
	await expect(dialog.getByRole('alert')).toBeVisible();
	await dialog.getByLabel('Name').fill('REGION');
	await page.keyboard.press('Enter');
	await expect(page.getByRole('row', { name: /REGION eu/ })).toBeVisible();
	expect(await shown()).toBe('eu');

	await page.getByRole('button', { name: 'Change REGION' }).click();
	await expect(dialog.getByLabel('Value')).toHaveValue('eu');
	await dialog.getByLabel('Value').fill('ü "quoted"\nand a line more');
	await dialog.getByRole('button', { name: 'Save' }).click();
	await expect(page.getByRole('row', { name: /REGION ü "quoted"/ })).toBeVisible();
	expect(await shown()).toBe('ü "quoted"\nand a line more');

	await page.getByRole('button', { name: 'Delete REGION' }).click();
	await dialog.getByRole('button', { name: 'Delete' }).click();
	await expect(page.getByText('None yet')).toHaveCount(2);
});

test('a secret is set, replaced and deleted, and never shown', async ({ api, enter }) => {
	await api.app('secrets');
	await api.script('secrets', 'long', '"" + secrets::get("API_KEY").len()', { routes: ['GET /long'] });
	const long = async () => (await api.call('secrets', '/long')).text();
	const page = await enter('/apps/secrets/config');
	const dialog = page.getByRole('dialog');
	await page.getByRole('button', { name: 'New secret' }).click();
	await expect(dialog.getByText('Letters, digits and underscores, with no digit at first')).toBeVisible();
	await dialog.getByLabel('Name').fill('API_KEY');
	await dialog.getByLabel('Value').fill('hush');
	await dialog.getByRole('button', { name: 'Save' }).click();
	const row = page.getByRole('row', { name: /API_KEY/ });
	await expect(row).toBeVisible();
	expect(await long()).toBe('4');

	await row.getByRole('button', { name: 'Replace API_KEY' }).click();
	await expect(dialog.getByLabel('Value')).toHaveValue('');
	await dialog.getByLabel('Value').fill('hush, hush');
	await dialog.getByRole('button', { name: 'Save' }).click();
	await expect(dialog).toHaveCount(0);
	await expect.poll(long).toBe('10');
	await expect(page.getByText('hush')).toHaveCount(0);

	await row.getByRole('button', { name: 'Delete API_KEY' }).click();
	await dialog.getByRole('button', { name: 'Delete' }).click();
	await expect(row).toHaveCount(0);
});
