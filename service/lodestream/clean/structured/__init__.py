"""JSON documents to their articles.

    parse.py      text to a value; what is no JSON, or says a key twice, is refused
    shapes.py     where the articles are in it: alone, in a list, a wrapper, a feed, a graph
    fields.py     the fields of one, under the names that feeds, crawlers and linked data have for them
    bodies.py     text, text with character references, markup, or a whole page of it (`html/`)
    articles.py   all of it in order, to records

`lodestream/schemas/document.json` says the same as a JSON Schema; tests hold both to it.
"""
