async def test_x(either):
    v = await either.chat("hi")
    print(v.raw)
    v = await either.ask("s1", "hello")
    print(v.raw)
    print(await either.said("s1"))
