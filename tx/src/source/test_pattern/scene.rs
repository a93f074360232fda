//! The scene behind the text: a landscape that pans, disks that move, and the noise of a sensor.

use crate::picture::Picture;

/// How far the landscape pans each way, in pixels.
const MARGIN: usize = 128;
/// Rows of noise start at a random place in this many bytes.
const NOISE_BYTES: usize = 1 << 16;
/// A picture's noise is -2 to 2 steps of luma: what a camera shows in good light.
const NOISE_LEVELS: u32 = 5;
/// Luma of the landscape stays so far inside the range that noise does not wrap.
const DARKEST: u32 = 40;
const LIGHTEST: u32 = 225;

/// Everything that is drawn once.
pub(super) struct Scene {
    /// The landscape, larger than a picture by [`MARGIN`].
    landscape: Picture,
    noise: Vec<u8>,
}

/// A disk of one color that moves.
struct Disk {
    /// Pixels a frame, to the right and down.
    speed: (usize, usize),
    /// Where it is at frame 0, in percent of its way.
    phase: usize,
    /// Radius in percent of the height.
    radius_percent: usize,
    color: [u8; 3],
}

const DISKS: [Disk; 3] = [
    Disk { speed: (7, 4), phase: 10, radius_percent: 12, color: [170, 90, 200] },
    Disk { speed: (11, 3), phase: 40, radius_percent: 8, color: [120, 190, 90] },
    Disk { speed: (3, 6), phase: 70, radius_percent: 16, color: [70, 150, 70] },
];

impl Scene {
    pub(super) fn new(width: usize, height: usize) -> Self {
        let mut random = Random(0x5eed);
        let noise = (0..NOISE_BYTES + width).map(|_| random.below(NOISE_LEVELS)).collect();
        Self { landscape: landscape(width + MARGIN, height + MARGIN), noise }
    }

    pub(super) fn draw(&self, picture: &mut Picture, frame: u32) {
        let frame = usize::try_from(frame).unwrap_or(0);
        // Even, so that chroma moves with luma.
        let (x, y) = (back_and_forth(frame * 3, MARGIN) & !1, back_and_forth(frame * 2, MARGIN) & !1);
        self.copy_luma(picture, x, y, Random(u32::try_from(frame & 0xffff_ffff).unwrap_or(0)));
        let (stride, width) = (self.landscape.width / 2, picture.width / 2);
        copy(&mut picture.u, width, &self.landscape.u, stride, (x / 2, y / 2));
        copy(&mut picture.v, width, &self.landscape.v, stride, (x / 2, y / 2));
        DISKS.iter().for_each(|disk| disk.draw(picture, frame));
    }

    fn copy_luma(&self, picture: &mut Picture, x: usize, y: usize, mut random: Random) {
        random.next();
        let rows = self.landscape.y.chunks_exact(self.landscape.width).skip(y);
        for (to, from) in picture.y.chunks_exact_mut(picture.width).zip(rows) {
            let start = usize::try_from(random.next() >> 16).unwrap_or(0) % NOISE_BYTES;
            let (Some(from), Some(noise)) = (from.get(x..), self.noise.get(start..)) else { return };
            for ((to, from), noise) in to.iter_mut().zip(from).zip(noise) {
                *to = from.wrapping_add(*noise);
            }
        }
    }
}

impl std::fmt::Debug for Scene {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Scene({} x {})", self.landscape.width - MARGIN, self.landscape.height - MARGIN)
    }
}

impl Disk {
    fn draw(&self, picture: &mut Picture, frame: usize) {
        let (width, height) = (picture.width, picture.height);
        let radius = height * self.radius_percent / 100;
        let center = (
            back_and_forth(width * self.phase / 50 + frame * self.speed.0, width),
            back_and_forth(height * self.phase / 50 + frame * self.speed.1, height),
        );
        let [y, u, v] = self.color;
        fill_disk(&mut picture.y, width, center, radius, y);
        let center = (center.0 / 2, center.1 / 2);
        fill_disk(&mut picture.u, width / 2, center, radius / 2, u);
        fill_disk(&mut picture.v, width / 2, center, radius / 2, v);
    }
}

fn fill_disk(plane: &mut [u8], width: usize, (x, y): (usize, usize), radius: usize, level: u8) {
    let top = y.saturating_sub(radius);
    let rows = plane.chunks_exact_mut(width).enumerate().skip(top);
    for (row, line) in rows.take_while(|(row, _)| *row <= y + radius) {
        let half = (radius * radius).saturating_sub(row.abs_diff(y).pow(2)).isqrt();
        let end = (x + half).min(width);
        if let Some(span) = line.get_mut(x.saturating_sub(half)..end) {
            span.fill(level);
        }
    }
}

fn copy(to: &mut [u8], to_stride: usize, from: &[u8], from_stride: usize, (x, y): (usize, usize)) {
    for (to, from) in to.chunks_exact_mut(to_stride).zip(from.chunks_exact(from_stride).skip(y)) {
        let Some(from) = from.get(x..x + to_stride) else { return };
        to.copy_from_slice(from);
    }
}

/// 0 up to `range` and down again.
const fn back_and_forth(at: usize, range: usize) -> usize {
    let at = at % (range * 2);
    if at < range { at } else { range * 2 - at }
}

/// A sky with clouds above rough ground: smoothed random numbers of several sizes.
fn landscape(width: usize, height: usize) -> Picture {
    let mut picture = Picture::black(width, height);
    let terrain = Terrain::new(picture.width, picture.height);
    for (at, luma) in picture.y.iter_mut().enumerate() {
        [*luma, _, _] = terrain.color(at % picture.width, at / picture.width);
    }
    let width = picture.width / 2;
    for (at, (u, v)) in picture.u.iter_mut().zip(&mut picture.v).enumerate() {
        [_, *u, *v] = terrain.color(at % width * 2, at / width * 2);
    }
    picture
}

struct Terrain {
    height: usize,
    large: Hills,
    medium: Hills,
    small: Hills,
    grain: Hills,
}

impl Terrain {
    fn new(width: usize, height: usize) -> Self {
        let [large, medium, small, grain] = [160, 40, 10, 2].map(|cell| Hills::new(width, height, cell));
        Self { height, large, medium, small, grain }
    }

    fn color(&self, x: usize, y: usize) -> [u8; 3] {
        let horizon = self.height * 2 / 5 + self.rise(&self.large, x, 6) + self.rise(&self.medium, x, 20);
        let [large, medium, small, grain] =
            [&self.large, &self.medium, &self.small, &self.grain].map(|hills| hills.at(x, y));
        let (luma, blue, red) = if y < horizon {
            let depth = u32::try_from(y * 60 / self.height).unwrap_or(0);
            let cloud = (large * 2 + medium + small / 2).saturating_sub(300) / 8;
            (130 + depth + cloud, 158_u32.saturating_sub(cloud / 2), 112 + cloud / 4)
        } else {
            let texture = large / 5 + medium / 6 + small / 5 + grain / 8;
            (DARKEST + texture, 104 + large / 20, 118 + medium / 12)
        };
        [luma.min(LIGHTEST), blue, red].map(|level| u8::try_from(level).unwrap_or(u8::MAX))
    }

    /// How much lower the horizon is at `x`: at most the height of the picture by `divisor`.
    fn rise(&self, hills: &Hills, x: usize, divisor: usize) -> usize {
        usize::try_from(hills.at(x, 0)).unwrap_or(0) * self.height / (255 * divisor)
    }
}

/// Random levels at the corners of square cells, linear between them.
struct Hills {
    corners: Vec<u8>,
    across: usize,
    cell: usize,
}

impl Hills {
    fn new(width: usize, height: usize, cell: usize) -> Self {
        let (across, down) = (width / cell + 2, height / cell + 2);
        let mut random = Random(u32::try_from(cell).unwrap_or(1));
        Self { corners: (0..across * down).map(|_| random.below(256)).collect(), across, cell }
    }

    /// 0 to 255.
    fn at(&self, x: usize, y: usize) -> u32 {
        let (column, row) = (x / self.cell, y / self.cell);
        let (right, down) = (x % self.cell, y % self.cell);
        let corner =
            |column, row: usize| self.corners.get(row * self.across + column).map_or(0, |level| usize::from(*level));
        let between = |row| corner(column, row) * (self.cell - right) + corner(column + 1, row) * right;
        let level = (between(row) * (self.cell - down) + between(row + 1) * down) / (self.cell * self.cell);
        u32::try_from(level).unwrap_or(0)
    }
}

/// The linear congruential generator of Numerical Recipes: good enough to look at.
struct Random(u32);

impl Random {
    const fn next(&mut self) -> u32 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        self.0
    }

    /// 0 to `limit` - 1; `limit` is at most 256.
    fn below(&mut self, limit: u32) -> u8 {
        u8::try_from(((self.next() >> 16) * limit) >> 16).unwrap_or(u8::MAX)
    }
}
