// Where a flat detector sees which scattering: the same formulas as `argand.physics.still.detector`.
(() => {
  // Columns are the unit vectors of fast axis, slow axis and normal: pitch about +x first, then yaw about +y.
  function axesOf(pitch, yaw) {
    const cp = Math.cos(pitch), sp = Math.sin(pitch), cy = Math.cos(yaw), sy = Math.sin(yaw);
    return [[cy, 0, -sy], [sy * sp, cp, cy * sp], [sy * cp, -sp, cy * cp]];
  }
  const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];

  class Geometry {
    // Centre (fast, slow) px, lengths in mm, wavelength in Å, angles in radians.
    constructor({centre, distance, wavelength, pixel, pitch, yaw}) {
      Object.assign(this, {centre, distance, wavelength, pixel, axes: axesOf(pitch, yaw)});
    }

    // Scattering angle of a detector point, radians.
    twoTheta(fast, slow) {
      const u = (fast - this.centre[0]) * this.pixel[0], v = (slow - this.centre[1]) * this.pixel[1];
      const [along, across] = this.axes;
      const lab = [0, 1, 2].map(axis => u * along[axis] + v * across[axis] + (axis === 2 ? this.distance : 0));
      return Math.atan2(Math.hypot(lab[0], lab[1]), lab[2]);
    }

    // Bragg's law: d = wavelength / (2 sin theta), in Å.
    spacing(twoTheta) {
      return this.wavelength / (2 * Math.sin(twoTheta / 2));
    }

    angle(d) {
      return 2 * Math.asin(Math.min(this.wavelength / (2 * d), 1));
    }

    // Points (fast, slow) at this scattering angle; null where such rays miss the detector.
    ring(twoTheta, count = 360) {
      const normal = this.axes[2], points = [];
      for (let number = 0; number <= count; number++) {
        const turn = 2 * Math.PI * number / count;
        const ray = [Math.sin(twoTheta) * Math.cos(turn), Math.sin(twoTheta) * Math.sin(turn), Math.cos(twoTheta)];
        const towards = dot(ray, normal);
        if (towards <= 1e-9) {
          points.push(null);
          continue;
        }
        const scale = this.distance * normal[2] / towards;
        const hit = [ray[0] * scale, ray[1] * scale, ray[2] * scale - this.distance];
        points.push([0, 1].map(side => dot(hit, this.axes[side]) / this.pixel[side] + this.centre[side]));
      }
      return points;
    }
  }

  argand.image.Geometry = Geometry;
})();
