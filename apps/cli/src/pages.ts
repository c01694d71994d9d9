/** Every item of a paged list, page after page. */
export async function* allPages<Page extends { readonly nextPageToken: string }, Item>(
  read: (pageToken: string) => Promise<Page>,
  items: (page: Page) => readonly Item[],
): AsyncGenerator<Item> {
  let token = "";
  do {
    const page = await read(token);
    yield* items(page);
    token = page.nextPageToken;
  } while (token !== "");
}
