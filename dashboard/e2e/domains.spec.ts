// Domains of an app's own.
import { expect, test } from './support/test';

test('a domain is added and removed, and one that another app has is refused', async ({ api, enter, expected }) => {
	await api.app('homepage');
	await api.app('rival');
	await api.send('POST', '/apps/rival/domains', { domain: 'taken.example.com' });
	const page = await enter('/apps/homepage/domains');
	await expect(page.getByText('No domain of its own')).toBeVisible();
	expected.statuses.push(409, 422);
	const field = page.getByLabel('Domain');
	for (const bad of ['taken.example.com', 'not a domain']) {
		await field.fill(bad);
		await page.getByRole('button', { name: 'Add', exact: true }).click();
		await expect(field).toHaveAttribute('aria-invalid', 'true');
		await expect(field).toHaveValue(bad);
	}
	await field.fill('Site.Example.COM');
	await page.keyboard.press('Enter');
	const row = page.getByRole('row', { name: /site\.example\.com/ });
	await expect(row).toBeVisible();
	await row.getByRole('button', { name: 'Remove site.example.com' }).click();
	await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click();
	await expect(page.getByText('No domain of its own')).toBeVisible();
});
