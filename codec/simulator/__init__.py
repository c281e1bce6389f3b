"""The camera simulator: clean scenes in, RAW and camera JPEG out. For tests, training and the demonstration."""

from codec.simulator.camera import Shot, simulate
from codec.simulator.isp import Isp
from codec.simulator.scenes import SceneFile, list_scenes, load_scene, random_crop, to_scene
from codec.simulator.sensor import Sensor

__all__ = ["Isp", "SceneFile", "Sensor", "Shot", "list_scenes", "load_scene", "random_crop", "simulate", "to_scene"]
