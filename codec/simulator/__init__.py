"""The camera simulator: clean scenes in, RAW and camera JPEG out. For tests, training and the demonstration."""

from .camera import Shot, simulate
from .isp import Isp
from .scenes import SceneFile, list_scenes, load_scene, random_crop, to_scene
from .sensor import Sensor

__all__ = ["Isp", "SceneFile", "Sensor", "Shot", "list_scenes", "load_scene", "random_crop", "simulate", "to_scene"]
