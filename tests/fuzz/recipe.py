"""Recipe, corrections by block, parameters, geometry. Input: a byte that chooses, then the section."""

from tests.fuzz.harness import Target, main


def run(data: bytes) -> None:
    from rawinlay.codec.guide.geometry import Geometry
    from rawinlay.codec.recipe.corrections import LocalRecipe
    from rawinlay.codec.recipe.features import COUNT
    from rawinlay.codec.recipe.recipe import Recipe
    from rawinlay.codec.recipe.side import ACTIVITIES
    from rawinlay.codec.stages.parameters import Params
    from rawinlay.entropy import tables

    kind, body = (data[0] if data else 0) % 4, data[1:]
    if kind == 0:
        recipe = Recipe.from_bytes(body, COUNT)
        assert Recipe.from_bytes(recipe.to_bytes(), COUNT).to_bytes() == recipe.to_bytes()
    elif kind == 1:
        LocalRecipe.from_bytes(body, (150, 131), tables.load())
    elif kind == 2:
        Params.from_bytes(body, data[0] // 4 % 3, ACTIVITIES)
    else:
        assert Geometry.from_bytes(body).to_bytes()


TARGET = Target("recipe", run)

if __name__ == "__main__":
    main("recipe")
